# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
r"""Draw how far classifiers can be trusted: reliability diagrams, and the ECE.

    python tools/analysis_tools/calibration.py configs/baselines/resnet18_digits.py \
        --model alone configs/baselines/resnet18half_digits.py \
            work_dirs/resnet18half_digits/epoch_15.pth \
        --distillation configs/dkd/resnet18_resnet18half_digits.py \
            work_dirs/resnet18_resnet18half_digits/epoch_15.pth \
        --out work_dirs/calibration.png

A classifier is calibrated if it is right in 80 of 100 images of which it is sure by
80 %. Soft targets change how sure a student is. As in `On Calibration of Modern Neural
Networks <https://arxiv.org/abs/1706.04599>`_ (Eq. 3), images are sorted by confidence,
the probability of the predicted class, into M bins of equal width,
((m - 1) / M, m / M]:

    ECE = sum over m of |B_m| / n * |acc(B_m) - conf(B_m)|

A panel for each model: the accuracy of each bin beside its confidence, below it how
many images the bin has. Every image of the split is read. A model that was distilled is
given as DynKD exports it, or with --distillation, which draws all streams of a
checkpoint. The values are written beside the figure, as JSON.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Optional

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

BATCH = 64


def parse_args(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Read the options.

    Args:
        argv (list[str], optional): The arguments. Defaults to None: the command line's.

    Returns:
        argparse.Namespace: The options.
    """
    parser = models_parser(__doc__)
    parser.add_argument('--bins', type=int, default=15, help='of confidence (15)')
    args = parse_models(parser, argv)
    if args.bins < 1:
        parser.error(f'--bins must be at least 1: {args.bins}')
    args.batch_size = BATCH
    return args


def calibration(
    probabilities: np.ndarray, labels: np.ndarray, bins: int = 15
) -> dict[str, Any]:
    """Compare how sure a classifier is with how often it is right.

    Args:
        probabilities (np.ndarray): Of the classes, shape (images, classes).
        labels (np.ndarray): The classes that are right, shape (images,).
        bins (int): How many bins of confidence. Defaults to 15.

    Returns:
        dict: ``ece``, ``accuracy`` and ``confidence``, the mean of it, all from 0 to 1;
        ``bins``, each with ``low``, ``high``, ``images``, and ``accuracy`` and
        ``confidence`` of its images, None where it has none.
    """
    confidence = probabilities.max(1).astype(np.float64)
    right = probabilities.argmax(1) == labels
    edges = np.linspace(0, 1, bins + 1)
    # The upper edge belongs to a bin; rounding may lead above 1.
    own = np.clip(np.searchsorted(edges, confidence) - 1, 0, bins - 1)
    found = []
    for index in range(bins):
        chosen = own == index
        some = bool(chosen.any())
        found.append(
            dict(
                low=float(edges[index]),
                high=float(edges[index + 1]),
                images=int(chosen.sum()),
                accuracy=float(right[chosen].mean()) if some else None,
                confidence=float(confidence[chosen].mean()) if some else None,
            )
        )
    gaps = [
        b['images'] * abs(b['accuracy'] - b['confidence']) for b in found if b['images']
    ]
    return dict(
        ece=sum(gaps) / len(labels),
        accuracy=float(right.mean()),
        confidence=float(confidence.mean()),
        bins=found,
    )


def draw(found: Mapping[str, dict[str, Any]], out: Path) -> None:
    """Draw a reliability diagram of each model, and the images of its bins.

    Args:
        found (dict[str, dict]): What :func:`calibration` returns, by the panel's title.
        out (Path): The figure.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3 * len(found) + 0.6, 4.8), layout='constrained')
    FigureCanvasAgg(figure)
    grid = figure.subplots(
        2,
        len(found),
        squeeze=False,
        sharex=True,
        sharey='row',
        height_ratios=[3, 1],
    )
    for (above, below), (title, own) in zip(grid.T, found.items()):
        _draw_bins(above, own['bins'])
        above.set_title(
            f'{title}\nECE {own["ece"]:.2%}, accuracy {own["accuracy"]:.1%}',
            fontsize='medium',
        )
        lows = [one['low'] for one in own['bins']]
        counts = [one['images'] for one in own['bins']]
        below.bar(lows, counts, 1 / len(lows), align='edge', color='0.6')
        below.set_xlabel('confidence')
    grid[0, 0].set_ylabel('accuracy')
    # Most images are in the last bin.
    grid[1, 0].set(ylabel='images', yscale='log', ylim=(0.7, None))
    figure.legend(
        *grid[0, 0].get_legend_handles_labels(),
        loc='outside upper center',
        ncols=3,
        frameon=False,
    )
    save_figure(figure, out, dpi=120)


def _draw_bins(axes: Any, bins: Sequence[Mapping[str, Any]]) -> None:
    """Draw the accuracy of bins, and what is between it and the confidence."""
    some = [own for own in bins if own['images']]
    lows = [own['low'] for own in some]
    accuracy = np.array([own['accuracy'] for own in some])
    gaps = np.array([own['confidence'] for own in some]) - accuracy
    place = dict(width=1 / len(bins), align='edge')
    axes.bar(
        lows, accuracy, color='#56B4E9', edgecolor='white', label='accuracy', **place
    )
    for color, label, sizes in (
        ('#D55E00', 'surer than right', gaps.clip(min=0)),
        ('#000000', 'less sure than right', gaps.clip(max=0)),
    ):
        axes.bar(
            lows,
            sizes,
            bottom=accuracy,
            fill=False,
            edgecolor=color,
            linewidth=0,
            hatch='/////',
            label=label,
            **place,
        )
    axes.plot([0, 1], [0, 1], color='0.3', linestyle='--', linewidth=1)
    axes.set(xlim=(0, 1), ylim=(0, 1))


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run from the command line.

    Args:
        argv (list[str], optional): The arguments. Defaults to None: the command line's.

    Returns:
        int: The exit status.
    """
    args = parse_args(argv)
    # It imports torch, without which --help answers.
    from loaded_models import predict_every, read_models

    cfg = read_config(args)
    init_default_scope(cfg.get('default_scope', 'mmengine'))
    labels, probabilities, _ = predict_every(cfg, args, read_models(args))
    found = {
        label: calibration(own, labels, args.bins)
        for label, own in probabilities.items()
    }
    draw(found, args.out)
    for label, own in found.items():
        print(
            f'{label}: ECE {own["ece"]:.2%}, accuracy {own["accuracy"]:.2%}, '
            f'mean confidence {own["confidence"]:.2%}'
        )
    values = dict(
        config=args.config,
        split=args.split,
        images=len(labels),
        **model_files(args),
        calibration=found,
    )
    write_values(args.out, values)
    return 0


if __name__ == '__main__':
    run_tool(main)
