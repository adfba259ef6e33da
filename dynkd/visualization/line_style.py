# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Line styles of many curves in one figure."""

from typing import Union

#: Distinct in print and to the colour-blind (Okabe and Ito). Once they are used up,
#: they begin again with other dashes and marks.
COLORS = ('#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#000000')
DASHES = ('-', '--', ':', '-.')
MARKS = ('o', '^', 's', 'x')


def line_style(index: int) -> dict[str, Union[str, float]]:
    """Colour, dashes and marks of a run's curves.

    Args:
        index (int): Number of the run.

    Returns:
        dict[str, str or float]: Arguments of a line, unlike those of 111 other runs.
    """
    turn, color = divmod(index, len(COLORS))
    # After 28 runs the dashes get the next marks.
    shift, dash = divmod(turn, len(DASHES))
    mark = (dash + shift) % len(MARKS)
    return dict(
        color=COLORS[color], linestyle=DASHES[dash], marker=MARKS[mark], markersize=4
    )
