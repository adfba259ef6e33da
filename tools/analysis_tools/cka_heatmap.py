# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Draw how similar the features of students are to those of their teacher, by CKA.

With one tap on each side: a value for each batch, ranked and arranged as a heat map,
as in Fig. 5 of DPK's paper; a panel for each student. With several taps: a map of all
pairs of them, each over all batches (Eq. 7). The values are written beside the figure,
as JSON.

A student that was distilled is given as DynKD exports it: student.py, student.pth.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Optional

from mmengine.registry import init_default_scope
from tool_options import (
    add_cfg_options,
    add_out,
    add_split,
    check_out,
    described_parser,
    read_config,
    write_values,
)

from dynkd.utils.tool import run_tool

if TYPE_CHECKING:
    import torch
    from loaded_models import Model


def parse_args(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Read the options.

    Args:
        argv (list[str], optional): The arguments. Defaults to None: the command line's.

    Returns:
        argparse.Namespace: The options.
    """
    parser = described_parser(__doc__)
    parser.add_argument('config', help='the config whose data are used')
    parser.add_argument(
        '--teacher',
        nargs=2,
        required=True,
        metavar=('CONFIG', 'CHECKPOINT'),
        help='the teacher; the config may be of a library (mmpretrain::resnet/….py)',
    )
    parser.add_argument(
        '--student',
        nargs=3,
        required=True,
        action='append',
        metavar=('LABEL', 'CONFIG', 'CHECKPOINT'),
        help='a student, and its title in the figure; may be given several times',
    )
    add_out(parser)
    for stream in ('teacher', 'student'):
        parser.add_argument(
            f'--{stream}-taps',
            nargs='+',
            default=['backbone[-1]'],
            metavar='TAP',
            help=f"taps without the stream's name, of the {stream} (backbone[-1])",
        )
    add_split(parser)
    parser.add_argument('--batch-size', type=int, default=32, help='images (32)')
    parser.add_argument('--batches', type=int, default=400, help='at most (400)')
    parser.add_argument('--seed', type=int, default=0, help='of the sampled images (0)')
    parser.add_argument(
        '--range',
        nargs=2,
        type=float,
        metavar=('LOW', 'HIGH'),
        help='values at the ends of the colours, for figures that are to be compared '
        '(the least and the greatest of this figure)',
    )
    add_cfg_options(parser)
    args = parser.parse_args(argv)
    check_out(parser, args.out)
    if args.batch_size < 4:
        parser.error('--batch-size must be at least 4: HSIC_1 divides by n - 3.')
    if args.batches < 1:
        parser.error(f'--batches must be at least 1: {args.batches}')
    if args.range is not None and args.range[0] >= args.range[1]:
        parser.error('--range: LOW must be less than HIGH.')
    labels = [label for label, _, _ in args.student]
    if len(set(labels)) != len(labels):
        parser.error(f'the labels of the students must differ: {" ".join(labels)}')
    return args


def compare(
    teacher: Model, students: dict[str, Model], loader: Any, batches: int
) -> dict[str, torch.Tensor]:
    """The terms of CKA of all pairs of taps, batch by batch.

    Args:
        teacher (Model): The teacher.
        students (dict[str, Model]): The students by label.
        loader (DataLoader): The data.
        batches (int): How many batches at most.

    Returns:
        dict[str, Tensor]: For each student the three HSIC_1 of Eq. 7, (batches, taps of
        the student, taps of the teacher, 3).
    """
    import torch

    from dynkd.models.methods.dpk.cka import hsic_terms

    found: dict[str, list[torch.Tensor]] = {label: [] for label in students}
    for _, batch in zip(range(batches), loader):
        taught = teacher.features(batch)
        for label, student in students.items():
            rows = [
                torch.stack([hsic_terms(own, theirs) for theirs in taught])
                for own in student.features(batch)
            ]
            found[label].append(torch.stack(rows).cpu())
    return {label: torch.stack(terms) for label, terms in found.items()}


def similarities(terms: torch.Tensor) -> torch.Tensor:
    """CKA from its terms: batch by batch for one pair of taps, else of each pair.

    Args:
        terms (Tensor): (batches, taps of the student, taps of the teacher, 3).

    Returns:
        Tensor: (batches,) for one pair, else (taps of the student, of the teacher).
    """
    import torch

    from dynkd.models.methods.dpk.cka import cka_of_terms

    if terms[0, ..., 0].numel() == 1:
        return torch.stack([cka_of_terms(batch.view(1, 3)) for batch in terms])
    rows = terms.unbind(1)
    return torch.stack(
        [torch.stack([cka_of_terms(pair) for pair in row.unbind(1)]) for row in rows]
    )


def main(argv: Optional[Sequence[str]] = None) -> None:
    """Read the options, compare, draw and write the values beside the figure.

    Args:
        argv (list[str], optional): The arguments. Defaults to None: the command line's.
    """
    args = parse_args(argv)
    # They import torch, without which --help answers.
    from cka_figure import draw
    from loaded_models import Model, data_loader

    cfg = read_config(args)
    init_default_scope(cfg.get('default_scope', 'mmengine'))
    loader = data_loader(cfg, args)
    taps = dict(teacher=args.teacher_taps, student=args.student_taps)
    teacher = Model.read(*args.teacher, taps['teacher'], name='teacher')
    students = {
        label: Model.read(config, checkpoint, taps['student'], name=label)
        for label, config, checkpoint in args.student
    }
    terms = compare(teacher, students, loader, args.batches)
    found = {label: similarities(own) for label, own in terms.items()}
    draw(found, taps, args.range, args.out)
    values = dict(
        config=args.config,
        split=args.split,
        seed=args.seed,
        batch_size=args.batch_size,
        batches=len(next(iter(terms.values()))),
        taps=taps,
        teacher=args.teacher,
        students={label: files for label, *files in args.student},
        cka={label: own.tolist() for label, own in found.items()},
    )
    write_values(args.out, values)


if __name__ == '__main__':
    run_tool(main)
