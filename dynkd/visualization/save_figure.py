# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Writing a figure."""

from pathlib import Path
from typing import TYPE_CHECKING, Union

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def save_figure(figure: 'Figure', out: Union[str, Path], dpi: int = 150) -> Path:
    """Write a figure with all that belongs to it, and make its folder.

    A legend with more entries than the figure has room for makes the image larger; by
    itself Matplotlib would cut it off.

    Args:
        figure (Figure): The figure.
        out (str or Path): The file to write.
        dpi (int): Pixels per inch. Defaults to 150.

    Returns:
        Path: The file.
    """
    from matplotlib.transforms import Bbox

    out = Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.draw_without_rendering()  # places what the layout places
    whole = Bbox.union([figure.bbox_inches, figure.get_tightbbox()])
    figure.savefig(out, dpi=dpi, bbox_inches=whole)
    return out
