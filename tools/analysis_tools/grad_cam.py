# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Draw where classifiers look, by Grad-CAM: IAKD's Fig. 7.

    python tools/analysis_tools/grad_cam.py configs/baselines/resnet18_digits.py \
        --model teacher configs/baselines/resnet18_digits.py \
            work_dirs/resnet18_digits/epoch_15.pth \
        --model DPK work_dirs/dpk_resnet18_resnet18half_digits/student.py \
            work_dirs/dpk_resnet18_resnet18half_digits/student.pth \
        --out work_dirs/grad_cam.png

A row for each image, beside it a panel for each model: where the feature speaks for the
class of the label. A model that was distilled is given as DynKD exports it, or with
--distillation, which draws all streams of a checkpoint. The maps are written beside the
figure, as JSON.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Optional

import numpy as np
from mmengine.registry import init_default_scope
from tool_options import (
    model_files,
    models_parser,
    parse_models,
    read_config,
    write_values,
)

from dynkd.utils.tool import run_tool
from dynkd.visualization import save_figure

if TYPE_CHECKING:
    from torch import Tensor


def parse_args(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Read the options.

    Args:
        argv (list[str], optional): The arguments. Defaults to None: the command line's.

    Returns:
        argparse.Namespace: The options.
    """
    parser = models_parser(__doc__)
    parser.add_argument(
        '--tap',
        default='backbone[-1]',
        help="the map of features, without the stream's name (backbone[-1])",
    )
    parser.add_argument('--images', type=int, default=4, help='at random (4)')
    parser.add_argument(
        '--target',
        type=int,
        metavar='CLASS',
        help="the class to look for (each image's label)",
    )
    parser.add_argument('--seed', type=int, default=0, help='of the images (0)')
    args = parse_models(parser, argv)
    if args.images < 1:
        parser.error(f'--images must be at least 1: {args.images}')
    args.batch_size = args.images
    return args


def pictures(batch: dict) -> list[np.ndarray]:
    """The images of a batch as they are drawn.

    Args:
        batch (dict): A batch as the data loader returns it.

    Returns:
        list[np.ndarray]: Images of shape (H, W, 3), as they were stored.
    """
    images = [image.permute(1, 2, 0).numpy() for image in batch['inputs']]
    return [np.repeat(own, 3, -1) if own.shape[-1] == 1 else own for own in images]


def draw(
    images: Sequence[np.ndarray],
    names: Sequence[str],
    found: dict[str, tuple[Tensor, Tensor]],
    out: Any,
) -> None:
    """Draw the images and the maps on them.

    Args:
        images (sequence of np.ndarray): RGB images of shape (H, W, 3).
        names (sequence of str): What each shows.
        found (dict): Maps and predicted classes of each model, by its title.
        out (Path): The figure.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows, columns = len(images), 1 + len(found)
    figure = Figure(figsize=(2 * columns, 2.1 * rows), layout='constrained')
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, columns, squeeze=False)
    for row, image in enumerate(images):
        height, width = image.shape[:2]
        for column, axes in enumerate(grid[row]):
            axes.imshow(image)
            axes.set_xticks([])
            axes.set_yticks([])
            if not column:
                axes.set_ylabel(names[row])
        for axes, (maps, _) in zip(grid[row, 1:], found.values()):
            axes.imshow(
                maps[row],
                cmap='jet',
                alpha=0.5,
                vmin=0,
                vmax=1,
                extent=(-0.5, width - 0.5, height - 0.5, -0.5),
            )
    for axes, title in zip(grid[0], ['image', *found]):
        axes.set_title(title)
    save_figure(figure, out)


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run from the command line.

    Args:
        argv (list[str], optional): The arguments. Defaults to None: the command line's.

    Returns:
        int: The exit status.
    """
    args = parse_args(argv)
    # They import torch, without which --help answers.
    from activation_maps import maps_of
    from loaded_models import class_names, data_loader, read_models

    cfg = read_config(args)
    init_default_scope(cfg.get('default_scope', 'mmengine'))
    loader = data_loader(cfg, args)
    batch = next(iter(loader))
    labels = [int(sample.gt_label) for sample in batch['data_samples']]
    names = class_names(loader, labels)
    models = read_models(args, [args.tap])
    found = {n: maps_of(model, batch, args.target) for n, model in models.items()}
    images = pictures(batch)
    if cfg.get('data_preprocessor', {}).get('to_rgb', False):
        images = [image[..., ::-1] for image in images]
    draw(images, names, found, args.out)
    values = dict(
        config=args.config,
        split=args.split,
        seed=args.seed,
        tap=args.tap,
        target=args.target,
        **model_files(args),
        labels=labels,
        predicted={label: own.tolist() for label, (_, own) in found.items()},
        maps={label: own.tolist() for label, (own, _) in found.items()},
    )
    write_values(args.out, values, indent=None)
    return 0


if __name__ == '__main__':
    run_tool(main)
