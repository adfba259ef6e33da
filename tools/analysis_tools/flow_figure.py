# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Draw frames of a clip and their flow.

Reads a folder that ``tools/dataset_converters/extract_flow.py`` wrote, and draws for
several frames: the frame; its flow with the direction as colour and the speed as
strength of the colour; u and v as grey images, with the contrast stretched to the
fastest flow of the clip. Several folders are drawn below one another.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

import cv2
import numpy as np
from tool_options import add_out, check_out, described_parser

from dynkd.utils.tool import run_tool
from dynkd.visualization import save_figure

NAMES = dict(frame='img_{:05}.jpg', u='flow_x_{:05}.jpg', v='flow_y_{:05}.jpg')
ROWS = dict(frame='frame', colours='flow', u='u', v='v')


def colours(flow: np.ndarray, fastest: float) -> np.ndarray:
    """Show flow as colours: red to the right, then by the hours of a clock.

    Args:
        flow (np.ndarray): In pixels, of shape (H, W, 2).
        fastest (float): Speed of full colour, in pixels a frame.

    Returns:
        np.ndarray: RGB, uint8, of shape (H, W, 3); white where nothing moves.
    """
    speed, angle = cv2.cartToPolar(
        *(np.ascontiguousarray(flow[..., i]) for i in (0, 1))
    )
    hsv = np.stack(
        [
            angle * (180 / (2 * np.pi)) % 180,
            np.clip(speed / fastest, 0, 1) * 255,
            np.full_like(speed, 255),
        ],
        -1,
    )
    return cv2.cvtColor(np.rint(hsv).astype(np.uint8), cv2.COLOR_HSV2RGB)


def choose(folder: Path, count: int) -> list[int]:
    """Numbers of frames that are spread over a clip.

    Args:
        folder (Path): The clip.
        count (int): How many frames.

    Returns:
        list[int]: The numbers, from the first frame to the one before the last, whose
        flow leads to the last.

    Raises:
        ValueError: If there are fewer frames, or files of one of them are missing.
    """
    total = len(list(folder.glob('img_*.jpg')))
    if total < max(count, 2):
        raise ValueError(f'{folder} has {total} frames (img_*.jpg), {count} are asked')
    numbers = np.linspace(1, max(total - 1, count), count).round().astype(int).tolist()
    for number in numbers:
        for name in NAMES.values():
            if not (folder / name.format(number)).is_file():
                raise ValueError(
                    f'{folder} has no {name.format(number)}: extract its flow with '
                    'tools/dataset_converters/extract_flow.py'
                )
    return numbers


def read(folder: Path, number: int) -> dict[str, np.ndarray]:
    """Read a frame and its flow.

    Args:
        folder (Path): The clip.
        number (int): Number of the frame.

    Returns:
        dict[str, np.ndarray]: ``frame``, RGB, of shape (H, W, 3), ``u`` and ``v``, of
        shape (H, W), all uint8.

    Raises:
        ValueError: If one of them is no image.
    """
    images = {}
    for key, name in NAMES.items():
        how = cv2.IMREAD_COLOR if key == 'frame' else cv2.IMREAD_GRAYSCALE
        image = cv2.imread(str(folder / name.format(number)), how)
        if image is None:
            raise ValueError(f'{folder / name.format(number)} is not an image')
        images[key] = image[..., ::-1] if key == 'frame' else image
    return images


def draw(folders: Sequence[Path], titles: Sequence[str], count: int, out: Path) -> None:
    """Draw clips below one another.

    Args:
        folders (sequence of Path): The clips.
        titles (sequence of str): Their titles.
        count (int): Number of frames of each.
        out (Path): The file to write.

    Raises:
        ValueError: If a clip has too few frames, or files are missing.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # The package of the data sets imports torch, without which --help answers.
    from dynkd.datasets.flow import dequantise_flow

    numbers = [choose(folder, count) for folder in folders]
    figure = Figure(figsize=(1.3 * count + 0.4, 5.7 * len(folders)))
    FigureCanvasAgg(figure)
    figure.set_layout_engine('constrained', h_pad=0.02, w_pad=0.02)
    parts = figure.subfigures(len(folders), 1, squeeze=False)[:, 0]
    for part, title, folder, own in zip(parts, titles, folders, numbers):
        images = [read(folder, number) for number in own]
        flows = [dequantise_flow(np.dstack([i['u'], i['v']])) for i in images]
        # A step of the 8 bits is no motion that is to be seen.
        fastest = max(1.0, *(float(np.abs(flow).max()) for flow in flows))
        for image, flow in zip(images, flows):
            image['colours'] = colours(np.where(np.abs(flow) < 0.1, 0, flow), fastest)
        part.suptitle(title)
        axes = part.subplots(len(ROWS), count, squeeze=False)
        for line, (key, label) in zip(axes, ROWS.items()):
            line[0].set_ylabel(label)
            for axis, image, flow, number in zip(line, images, flows, own):
                shown = flow[..., 'uv'.index(key)] if key in 'uv' else image[key]
                axis.imshow(shown, cmap='gray', vmin=-fastest, vmax=fastest)
                axis.set(xticks=[], yticks=[])
                if key == 'frame':
                    axis.set_title(str(number), fontsize='small')
    save_figure(figure, out, dpi=110)


def parse_args(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Read the options.

    Args:
        argv (list[str], optional): The arguments. Defaults to None: the command line's.

    Returns:
        argparse.Namespace: The options.
    """
    parser = described_parser(__doc__)
    parser.add_argument(
        'clips', nargs='+', type=Path, metavar='clip', help='folder of frames and flow'
    )
    add_out(parser)
    parser.add_argument('--frames', type=int, default=6, help='how many of each (6)')
    parser.add_argument('--titles', nargs='+', help="the clips' titles (their folders)")
    args = parser.parse_args(argv)
    check_out(parser, args.out)
    if args.frames < 1:
        parser.error(f'--frames must be 1 or more: {args.frames}')
    if args.titles is None:
        args.titles = ['/'.join(clip.resolve().parts[-2:]) for clip in args.clips]
    if len(args.titles) != len(args.clips):
        parser.error(f'{len(args.titles)} --titles for {len(args.clips)} clips')
    return args


def main(argv: Optional[Sequence[str]] = None) -> None:
    """Read the options and draw.

    Args:
        argv (list[str], optional): The arguments. Defaults to None: the command line's.
    """
    args = parse_args(argv)
    try:
        draw(args.clips, args.titles, args.frames, args.out)
    except ValueError as error:
        raise SystemExit(str(error)) from None
    print(f'Wrote {args.out}')


if __name__ == '__main__':
    run_tool(main)
