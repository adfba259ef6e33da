# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Draw where classifiers look, by Grad-CAM: IAKD's Fig. 7.

    python tools/analysis_tools/grad_cam.py configs/baselines/resnet18_digits.py \
        --model teacher configs/baselines/resnet18_digits.py \
            work_dirs/resnet18_digits/epoch_15.pth \
        --model DPK work_dirs/dpk_resnet18_resnet18half_digits/student.py \
            work_dirs/dpk_resnet18_resnet18half_digits/student.pth \
        --out work_dirs/grad_cam.png

A row for each image, beside it a panel for each model: where the feature speaks for the
class of the label. A model that was distilled is given as DynKD exports it. The maps
are written beside the figure, as JSON.
"""

import argparse
import copy
import json
import sys
from collections.abc import Sequence
from typing import Any, Optional

import numpy as np
import torch
import torch.nn.functional as F
from cka_heatmap import Model, data_loader
from mmengine.registry import DefaultScope, init_default_scope
from tool_options import (
    add_cfg_options,
    add_models,
    add_out,
    add_split,
    check_out,
    described_parser,
    read_config,
)
from torch import Tensor


def parse_args(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Read the options.

    Args:
        argv (list[str], optional): The arguments. Defaults to None: the command line's.

    Returns:
        argparse.Namespace: The options.
    """
    parser = described_parser(__doc__)
    parser.add_argument('config', help='the config whose data are used')
    add_models(parser)
    add_out(parser)
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
    add_split(parser)
    parser.add_argument('--seed', type=int, default=0, help='of the images (0)')
    add_cfg_options(parser)
    args = parser.parse_args(argv)
    check_out(parser, args.out)
    if args.images < 1:
        parser.error(f'--images must be at least 1: {args.images}')
    labels = [label for label, _, _ in args.model]
    if len(set(labels)) < len(labels):
        parser.error(f'the labels of the models must differ: {" ".join(labels)}')
    args.batch_size = args.images
    return args


def grad_cam(feature: Tensor, scores: Tensor) -> Tensor:
    """The map of Grad-CAM: the channels, each by the mean of its gradient.

    Args:
        feature (Tensor): The map of features, shape (B, C, H, W), on the graph.
        scores (Tensor): The score of one class of each image, shape (B,).

    Returns:
        Tensor: Shape (B, H, W), from 0 to 1; 0 where nothing speaks for the class.
    """
    (gradient,) = torch.autograd.grad(scores.sum(), feature)
    weights = gradient.mean((2, 3), keepdim=True)
    found = (weights * feature).sum(1).clamp(min=0).detach()
    highest = found.flatten(1).amax(1)[:, None, None]
    return found / torch.where(highest > 0, highest, 1.0)


def maps_of(model: Model, batch: dict, target: Optional[int]) -> tuple[Tensor, Tensor]:
    """Run a model, and find where it looks.

    Args:
        model (Model): The model, with one tap.
        batch (dict): A batch as the data loader returns it.
        target (int, optional): The class to look for; None: each image's label.

    Returns:
        tuple[Tensor, Tensor]: The maps (B, H, W) at the size of the images that the
        model sees, and the classes (B,) that it predicts.

    Raises:
        SystemExit: If the tap yields no map of features, the model is no classifier, or
            has no such class.
    """
    from dynkd.models.taps import collect

    with DefaultScope.overwrite_default_scope(model.scope):
        own = model.stream.prepare(copy.deepcopy(batch), False)
        with torch.enable_grad(), model.recorder(model.model) as recorded:
            # A frozen model builds a graph from its inputs alone.
            images = own['inputs'].requires_grad_()
            logits = model.model(images, own['data_samples'], mode='tensor')
    (feature,) = collect(recorded).values()
    tap = model.taps[0]
    if not isinstance(feature, Tensor) or feature.dim() != 4:
        raise SystemExit(f'The tap `{tap}` yields no map of shape (B, C, H, W).')
    if not isinstance(logits, Tensor) or logits.dim() != 2:
        raise SystemExit(f'The model of the tap `{tap}` is no classifier.')
    labels = [int(sample.gt_label) for sample in own['data_samples']]
    chosen = torch.tensor(labels if target is None else [target] * len(labels))
    for number in (int(chosen.min()), int(chosen.max())):
        if not 0 <= number < logits.size(1):
            raise SystemExit(
                f'There is no class {number}: the model has {logits.size(1)}.'
            )
    scores = logits.gather(1, chosen[:, None].to(logits.device)).squeeze(1)
    found = grad_cam(feature, scores)[:, None]
    found = F.interpolate(found, images.shape[2:], mode='bilinear', align_corners=False)
    return found[:, 0].cpu(), logits.argmax(1).cpu()


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
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=150)


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run from the command line.

    Args:
        argv (list[str], optional): The arguments. Defaults to None: the command line's.

    Returns:
        int: The exit status.
    """
    from mmengine.device import get_device

    args = parse_args(argv)
    cfg = read_config(args)
    init_default_scope(cfg.get('default_scope', 'mmengine'))
    loader = data_loader(cfg, args)
    batch = next(iter(loader))
    labels = [int(sample.gt_label) for sample in batch['data_samples']]
    classes = loader.dataset.metainfo.get('classes')
    names = [str(classes[own]) if classes else str(own) for own in labels]
    found = {}
    for label, config, checkpoint in args.model:
        model = Model('student', config, checkpoint, [args.tap], get_device())
        found[label] = maps_of(model, batch, args.target)
    images = pictures(batch)
    if cfg.get('data_preprocessor', {}).get('to_rgb', False):
        images = [image[..., ::-1] for image in images]
    draw(images, names, found, args.out)
    values = args.out.with_suffix('.json')
    record = dict(
        config=args.config,
        split=args.split,
        seed=args.seed,
        tap=args.tap,
        target=args.target,
        models={label: files for label, *files in args.model},
        labels=labels,
        predicted={label: own.tolist() for label, (_, own) in found.items()},
        maps={label: own.tolist() for label, (own, _) in found.items()},
    )
    values.write_text(json.dumps(record) + '\n')
    print(f'Wrote {args.out} and {values}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
