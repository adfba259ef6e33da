# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
r"""Draw where teacher and student agree, class by class.

    python tools/analysis_tools/agreement.py configs/baselines/resnet18_digits.py \
        --distillation configs/dkd/resnet18_resnet18half_digits.py \
            work_dirs/resnet18_resnet18half_digits/epoch_15.pth \
        --out work_dirs/agreement.png

Of the images of each class: on how many both are right, only the teacher, only the
student, and neither; and on how many they predict the same, be it right or wrong. Every
image of the split is read. The models are the teacher and the student of a
distillation, or two --model, the teacher first. The values are written beside the
figure, as JSON, those of all classes also where the figure has not all.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Optional

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
#: What a bar of the figure is made of: share, colour and words.
PARTS = {
    'both': ('#0072B2', 'both right'),
    'first': ('#E69F00', 'only {} right'),
    'second': ('#009E73', 'only {} right'),
    'neither': ('0.8', 'neither right'),
}


def parse_args(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Read the options.

    Args:
        argv (list[str], optional): The arguments. Defaults to None: the command line's.

    Returns:
        argparse.Namespace: The options.
    """
    parser = models_parser(__doc__)
    parser.add_argument(
        '--classes',
        type=int,
        default=30,
        help='most classes in the figure, those that they agree on least (30)',
    )
    args = parse_models(parser, argv)
    if args.classes < 1:
        parser.error(f'--classes must be at least 1: {args.classes}')
    args.batch_size = BATCH
    return args


def agreement(first: np.ndarray, second: np.ndarray, labels: np.ndarray) -> dict:
    """Count on how many images two classifiers agree.

    Args:
        first (np.ndarray): The classes that the teacher predicts, shape (images,).
        second (np.ndarray): Those that the student predicts.
        labels (np.ndarray): Those that are right.

    Returns:
        dict: ``images``, how many; and of these the share on which they predict the
        ``same``, ``both`` are right, only the ``first``, only the ``second``,
        ``neither``.
    """
    right, also = first == labels, second == labels
    shares = dict(
        same=first == second,
        both=right & also,
        first=right & ~also,
        second=~right & also,
        neither=~right & ~also,
    )
    return dict(
        images=len(labels), **{key: float(own.mean()) for key, own in shares.items()}
    )


def by_class(first: np.ndarray, second: np.ndarray, labels: np.ndarray) -> dict:
    """Count it class by class.

    Args:
        first (np.ndarray): The classes that the teacher predicts, shape (images,).
        second (np.ndarray): Those that the student predicts.
        labels (np.ndarray): Those that are right.

    Returns:
        dict[int, dict]: What :func:`agreement` returns, for each class of the labels.
    """
    return {
        int(label): agreement(
            *(own[labels == label] for own in (first, second, labels))
        )
        for label in np.unique(labels)
    }


def draw(
    rows: Mapping[str, Mapping[str, float]], titles: Sequence[str], out: Path
) -> None:
    """Draw a bar for each class, and a mark where the two predict the same.

    Args:
        rows (dict[str, dict]): What :func:`agreement` returns, by the name of the row.
        titles (sequence of str): What teacher and student are called.
        out (Path): The figure.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 0.28 * len(rows) + 1.4), layout='constrained')
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    places, left = np.arange(len(rows)), np.zeros(len(rows))
    called = dict(zip(('first', 'second'), titles))
    for part, (color, text) in PARTS.items():
        shares = np.array([own[part] for own in rows.values()])
        label = text.format(called.get(part, ''))
        axes.barh(places, shares, left=left, color=color, label=label)
        left += shares
    same = [own['same'] for own in rows.values()]
    # Of the first bars something is to be seen, too.
    least = min(min(own['both'], own['same']) for own in rows.values())
    style = dict(markersize=12, markeredgewidth=2, clip_on=False, label='same class')
    axes.plot(same, places, 'k|', **style)
    axes.set_yticks(places, list(rows))
    axes.margins(y=0.01)
    axes.invert_yaxis()
    axes.set(xlim=(min(0.9, 0.9 * least), 1), xlabel='share of the images')
    # Bars first, the mark last.
    handles, words = axes.get_legend_handles_labels()
    handles, words = handles[1:] + handles[:1], words[1:] + words[:1]
    figure.legend(handles, words, loc='outside upper center', ncols=3, frameon=False)
    save_figure(figure, out, dpi=120)


def _unique(names: dict[int, str]) -> dict[int, str]:
    """Names by label of which none is there twice, or that of all images."""
    taken = Counter([*names.values(), 'all'])
    return {
        label: name if taken[name] == 1 else f'{name} ({label})'
        for label, name in names.items()
    }


def shown(found: Mapping[int, Mapping[str, float]], most: int) -> list[int]:
    """Choose the classes of the figure.

    Args:
        found (dict[int, dict]): What :func:`by_class` returns.
        most (int): How many at most.

    Returns:
        list[int]: All of them, in their order; of more than ``most``, those that the
        two agree on least, these first.
    """
    if len(found) <= most:
        return list(found)
    return sorted(found, key=lambda label: found[label]['same'])[:most]


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run from the command line.

    Args:
        argv (list[str], optional): The arguments. Defaults to None: the command line's.

    Returns:
        int: The exit status.

    Raises:
        SystemExit: If there are not two models.
    """
    args = parse_args(argv)
    # It imports torch, without which --help answers.
    from loaded_models import class_names, predict_every, read_models

    cfg = read_config(args)
    init_default_scope(cfg.get('default_scope', 'mmengine'))
    models = read_models(args)
    if len(models) != 2:
        raise SystemExit(
            f'There must be two models, a teacher and a student, not '
            f'{", ".join(models)}; --streams chooses those of a distillation.'
        )
    labels, probabilities, loader = predict_every(cfg, args, models)
    predicted = [own.argmax(1) for own in probabilities.values()]
    whole = agreement(*predicted, labels)
    found = by_class(*predicted, labels)
    names = _unique(dict(zip(found, class_names(loader, found))))
    rows = {names[label]: found[label] for label in shown(found, args.classes)}
    draw({'all': whole, **rows}, list(models), args.out)
    print(
        f'{" and ".join(models)} predict the same class on {whole["same"]:.1%} of '
        f'{whole["images"]} images'
    )
    values = dict(
        config=args.config,
        split=args.split,
        **model_files(args),
        first=list(models)[0],
        second=list(models)[1],
        all=whole,
        classes={names[label]: own for label, own in found.items()},
    )
    write_values(args.out, values)
    return 0


if __name__ == '__main__':
    run_tool(main)
