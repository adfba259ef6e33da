# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Draw how similar the features of students are to those of their teacher, by CKA.

With one tap on each side: a value for each batch, ranked and arranged as a heat map,
as in Fig. 5 of DPK's paper; a panel for each student. With several taps: a map of all
pairs of them, each over all batches (Eq. 7). The values are written beside the figure,
as JSON.

A student that was distilled is given as DynKD exports it: student.py, student.pth.
"""

import argparse
import copy
import json
from collections.abc import Sequence
from typing import Any, Optional

import torch
import torch.nn as nn
from mmengine.config import Config
from mmengine.registry import DefaultScope, init_default_scope
from tool_options import (
    add_cfg_options,
    add_out,
    add_split,
    check_out,
    described_parser,
    read_config,
)


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


def data_loader(cfg: Config, args: argparse.Namespace) -> Any:
    """The data of a config, shuffled, in whole batches.

    Args:
        cfg (Config): The config.
        args (Namespace): The options.

    Returns:
        DataLoader: The batches, the same for the same seed.

    Raises:
        SystemExit: If the config has no such data, or not enough for a batch.
    """
    from mmengine.runner import Runner

    loader = cfg.get(f'{args.split}_dataloader')
    if loader is None:
        raise SystemExit(f'{args.config} has no {args.split}_dataloader.')
    loader = dict(loader)
    loader.pop('batch_sampler', None)
    loader.update(
        batch_size=args.batch_size,
        # Images lie in the order of their classes often.
        sampler=dict(type='DefaultSampler', shuffle=True),
        drop_last=True,
    )
    built = Runner.build_dataloader(loader, seed=args.seed)
    if len(built) == 0:
        raise SystemExit(
            f'The {args.split} data of {args.config} are {len(built.dataset)} samples, '
            f'fewer than a batch of {args.batch_size}.'
        )
    return built


class Model:
    """A model whose features are compared.

    Args:
        stream (str): ``'teacher'`` or ``'student'``.
        config (str): Its config: a file, or of an installed library.
        checkpoint (str): Path or URL of its weights.
        taps (sequence of str): Its taps, without the name of the stream.
        device (str): Where it runs.
    """

    def __init__(
        self,
        stream: str,
        config: str,
        checkpoint: str,
        taps: Sequence[str],
        device: str,
    ) -> None:
        from dynkd.models.streams import Stream, StreamConfig
        from dynkd.models.taps import Recorder, Tap

        spec = dict(config=config, checkpoint=checkpoint, frozen=True)
        found = StreamConfig.from_cfg(stream, spec)
        self.scope = found.scope
        self.model: nn.Module = found.build().to(device)
        self.stream = Stream(found, self.model)
        self.taps = [Tap.parse(f'{stream}.{tap}') for tap in taps]
        for tap in self.taps:
            tap.find(self.model)
        self.recorder = Recorder(self.taps)

    def features(self, batch: dict) -> list[torch.Tensor]:
        """What the taps yield for a batch.

        Args:
            batch (dict): A batch as the data loader gives it.

        Returns:
            list[Tensor]: A feature (B, ...) for each tap.

        Raises:
            SystemExit: If a tap yields several tensors.
        """
        from dynkd.models.taps import collect

        with DefaultScope.overwrite_default_scope(self.scope):
            own = self.stream.prepare(copy.deepcopy(batch), False)
            found = collect(self.stream.observe(self.recorder, **own))
        for tap, feature in found.items():
            if not isinstance(feature, torch.Tensor):
                raise SystemExit(
                    f'The tap `{tap}` yields {len(feature)} tensors: choose one, '
                    f'`{tap.module}[-1]` for example.'
                )
        return [found[tap] for tap in self.taps]


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
    from cka_figure import draw
    from mmengine.device import get_device

    args = parse_args(argv)
    cfg = read_config(args)
    init_default_scope(cfg.get('default_scope', 'mmengine'))
    loader = data_loader(cfg, args)
    taps = dict(teacher=args.teacher_taps, student=args.student_taps)
    teacher = Model('teacher', *args.teacher, taps['teacher'], get_device())
    students = {
        label: Model('student', config, checkpoint, taps['student'], get_device())
        for label, config, checkpoint in args.student
    }
    terms = compare(teacher, students, loader, args.batches)
    found = {label: similarities(own) for label, own in terms.items()}
    draw(found, taps, args.range, args.out)
    values = args.out.with_suffix('.json')
    record = dict(
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
    values.write_text(json.dumps(record, indent=1) + '\n')
    print(f'Wrote {args.out} and {values}')


if __name__ == '__main__':
    main()
