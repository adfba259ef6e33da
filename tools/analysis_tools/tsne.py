# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Draw how models tell classes apart, by t-SNE of their features: EKD's Fig. 3.

    python tools/analysis_tools/tsne.py configs/baselines/resnet18_digits.py \
        --model alone configs/baselines/resnet18half_digits.py \
            work_dirs/resnet18half_digits/epoch_15.pth \
        --model EKD work_dirs/ekd_resnet18_resnet18half_digits/student.py \
            work_dirs/ekd_resnet18_resnet18half_digits/student.pth \
        --out work_dirs/tsne.png

A panel for each model, a point for each image, a colour for each class. The images are
the same for all models. A model that was distilled is given as DynKD exports it, or
with --distillation, which draws all streams of a checkpoint. The points are written
beside the figure, as JSON.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from pathlib import Path
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
from dynkd.visualization.line_style import MARKS

if TYPE_CHECKING:
    import torch
    from loaded_models import Model

BATCH = 16


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
        default='neck[-1]',
        help="the feature, without the stream's name: neck[-1], or head for the logits",
    )
    parser.add_argument('--classes', type=int, default=10, help='at random (10)')
    parser.add_argument('--samples', type=int, default=50, help='of a class (50)')
    parser.add_argument('--perplexity', type=float, default=30.0, help='(30)')
    parser.add_argument('--seed', type=int, default=0, help='of all that is drawn (0)')
    args = parse_models(parser, argv)
    args.batch_size = BATCH
    if args.perplexity >= args.classes * args.samples:
        parser.error('--perplexity must be less than the number of images.')
    return args


def choose_classes(loader: Any, number: int, seed: int) -> list[int]:
    """Choose classes of the data at random.

    Args:
        loader (DataLoader): The data.
        number (int): How many.
        seed (int): Which ones.

    Returns:
        list[int]: Their labels, sorted.

    Raises:
        SystemExit: If the data have fewer.
    """
    labels = sorted(set(np.ravel(loader.dataset.get_gt_labels()).tolist()))
    if number > len(labels):
        raise SystemExit(f'--classes {number}: the data have {len(labels)}.')
    return sorted(random.Random(seed).sample(labels, number))


def read_features(
    models: dict[str, Model], loader: Any, classes: Sequence[int], samples: int
) -> tuple[list[int], dict[str, torch.Tensor]]:
    """Run the models on the first images of each class.

    Args:
        models (dict[str, Model]): The models by label.
        loader (DataLoader): The data.
        classes (sequence of int): The labels of the classes.
        samples (int): How many images of each at most.

    Returns:
        tuple[list[int], dict[str, Tensor]]: The labels, and the features (images, ...)
        of each model.
    """
    import torch

    counts = dict.fromkeys(classes, 0)
    labels: list[int] = []
    found: dict[str, list[torch.Tensor]] = {label: [] for label in models}
    for batch in loader:
        own = [int(sample.gt_label) for sample in batch['data_samples']]
        kept = []
        for index, label in enumerate(own):
            if counts.get(label, samples) < samples:
                counts[label] += 1
                kept.append(index)
                labels.append(label)
        if kept:
            for label, model in models.items():
                (feature,) = model.features(batch)
                found[label].append(feature[kept].flatten(1).float().cpu())
        if all(number >= samples for number in counts.values()):
            break
    return labels, {label: torch.cat(own) for label, own in found.items()}


def embed(features: torch.Tensor, perplexity: float, seed: int) -> np.ndarray:
    """Find points in the plane that are neighbours where the features are.

    Args:
        features (Tensor): Shape (images, values).
        perplexity (float): About how many neighbours count.
        seed (int): Where the points begin.

    Returns:
        np.ndarray: Shape (images, 2).

    Raises:
        SystemExit: If scikit-learn is not installed.
    """
    try:
        from sklearn.manifold import TSNE
    except ImportError as error:
        raise SystemExit(
            't-SNE needs scikit-learn: pip install scikit-learn'
        ) from error
    tsne = TSNE(perplexity=perplexity, random_state=seed, init='pca')
    return tsne.fit_transform(features.numpy())


def draw(
    points: dict[str, np.ndarray],
    labels: Sequence[int],
    names: dict[int, str],
    out: Path,
) -> None:
    """Draw a panel for each model, with one legend for all.

    Args:
        points (dict[str, np.ndarray]): The points (images, 2) by the panel's title.
        labels (sequence of int): The class of each.
        names (dict[int, str]): What the classes are called.
        out (Path): The figure.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4 * len(points) + 0.8, 4), layout='constrained')
    FigureCanvasAgg(figure)
    for index, (title, own) in enumerate(points.items(), 1):
        axes = figure.add_subplot(1, len(points), index)
        for number, label in enumerate(sorted(set(labels))):
            chosen = own[np.asarray(labels) == label]
            # Ten colours, then the same with other marks.
            turn, color = divmod(number, 10)
            style = dict(color=f'C{color}', marker=MARKS[turn % len(MARKS)])
            axes.scatter(*chosen.T, s=9, label=names[label], **style)
        axes.set_title(title)
        axes.set_xticks([])
        axes.set_yticks([])
    handles, words = axes.get_legend_handles_labels()
    figure.legend(
        handles, words, loc='outside right center', frameon=False, markerscale=2
    )
    save_figure(figure, out)


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run from the command line.

    Args:
        argv (list[str], optional): The arguments. Defaults to None: the command line's.

    Returns:
        int: The exit status.

    Raises:
        SystemExit: If there are too few images.
    """
    args = parse_args(argv)
    # They import torch, without which --help answers.
    from loaded_models import class_names, data_loader, read_models

    cfg = read_config(args)
    init_default_scope(cfg.get('default_scope', 'mmengine'))
    loader = data_loader(cfg, args)
    models = read_models(args, [args.tap])
    classes = choose_classes(loader, args.classes, args.seed)
    labels, features = read_features(models, loader, classes, args.samples)
    if args.perplexity >= len(labels):
        raise SystemExit(
            f'--perplexity {args.perplexity:g}: it must be less than the number of '
            f'images, and there are {len(labels)}.'
        )
    points = {
        label: embed(own, args.perplexity, args.seed) for label, own in features.items()
    }
    names = dict(zip(classes, class_names(loader, classes)))
    draw(points, labels, names, args.out)
    values = dict(
        config=args.config,
        split=args.split,
        seed=args.seed,
        tap=args.tap,
        **model_files(args),
        labels=labels,
        points={label: own.tolist() for label, own in points.items()},
    )
    write_values(args.out, values)
    return 0


if __name__ == '__main__':
    run_tool(main)
