# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Time of a step of IAKD beside the student's own step and one of plain distillation.

ResNets of 6n+2 layers train on the same random images of 32x32, in one process, taking
turns:

- ``student``: a plain training step, by MMPretrain.
- ``kd``: the same with a frozen teacher, whose logits the student learns from.
- ``share 1/3``: a step of IAKD in which such a share of the pairs takes the teacher's
  path, the same ones in every turn.
- ``p = 0.5``: a step of IAKD with such a probability of the student's path, drawn anew
  in every turn.

A turn gives a ratio for each method; medians and quartiles of these ratios are printed.
Beside them stands what is expected: 1 - s + 0.71 s r, where s is the part of the
student's multiplications that is replaced, r how many times as many the teacher's path
has, and 0.71 what a block costs whose weights get no gradient.
"""

import argparse
from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any

import torch
from mmengine.logging import MessageHub
from side_by_side import CLOCKS, Step, add_options, measure, milliseconds, ratios
from small_classifiers import classifier, distillation, plain, prepare, step_of
from torch import nn

#: The time of a frozen block's step, relative to that of a trained one.
FROZEN = 0.71
#: As good as never: a probability of the student's path is above 0.
NEVER = 1e-12


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--batch', type=int, default=64, help='images in a batch')
    parser.add_argument('--depth', type=int, default=26, help="the student's")
    parser.add_argument('--teacher-depth', type=int, default=44)
    parser.add_argument('--width', type=int, default=16, help='of the first stage')
    parser.add_argument(
        '--shares', type=int, default=3, help='how many, evenly from 0 to 1'
    )
    parser.add_argument('--p', type=float, nargs='+', default=[0.9, 0.5, 0.1])
    add_options(parser, turns=12)
    return parser.parse_args()


def resnet(args: argparse.Namespace, depth: int) -> dict:
    """A thin ResNet."""
    return classifier(
        4 * args.width,
        type='dynkd.ResNet6nPlus2',
        depth=depth,
        stem_channels=args.width,
        base_channels=args.width,
    )


def interactive(args: argparse.Namespace, **interaction: Any) -> nn.Module:
    """An interactive distillation."""
    return distillation(
        args.seed,
        'dynkd.InteractiveDistillation',
        streams=streams(args),
        interaction=interaction,
    )


def streams(args: argparse.Namespace) -> dict[str, dict]:
    """A frozen teacher and a student."""
    return dict(
        teacher=dict(model=resnet(args, args.teacher_depth), frozen=True),
        student=dict(model=resnet(args, args.depth)),
    )


def stepping(model: nn.Module) -> Step:
    """A step that counts iterations, of which the draws are a function."""
    hub, iterations, step = MessageHub.get_current_instance(), count(), step_of(model)

    def run(batch: Any) -> None:
        hub.update_info('iter', next(iterations))
        step(batch)

    return run


def multiplications(model: nn.Module, names: Iterable[str] = ('',)) -> int:
    """Multiplications of some modules in a forward pass of one image."""
    prefixes = tuple(f'{name}.' if name else '' for name in names)
    total = 0

    def hook(module: nn.Module, args: tuple, output: torch.Tensor) -> None:
        nonlocal total
        total += output.numel() * module.weight[0].numel()

    handles = [
        module.register_forward_hook(hook)
        for name, module in model.named_modules()
        if isinstance(module, (nn.Conv2d, nn.Linear)) and name.startswith(prefixes)
    ]
    with torch.no_grad():
        model(torch.zeros(1, 3, 32, 32), mode='tensor')
    for handle in handles:
        handle.remove()
    return total


def expected(model: nn.Module, pairs: Sequence[Any]) -> float:
    """The time of a step in which these pairs take the teacher's path."""
    student, teacher = model.stream('student'), model.stream('teacher')
    replaced = multiplications(student, [n for pair in pairs for n in pair.student])
    instead = multiplications(teacher, [n for pair in pairs for n in pair.teacher])
    return 1 + (FROZEN * instead - replaced) / multiplications(student)


def methods(args: argparse.Namespace) -> tuple[dict[str, Step], dict[str, float]]:
    """The step of each method, and the expected ratio of some."""
    pairs = interactive(args, probability=1.0).interaction.pairs
    both = streams(args)
    loss = dict(type='KLDLoss', temperature=4.0, loss_weight=0.9)
    transfer = dict(source='teacher.head', target='student.head', loss=loss)
    kd = distillation(args.seed, streams=both, transfers=dict(loss_kd=transfer))
    steps = dict(student=plain(both['student']['model'], args.seed), kd=step_of(kd))
    values = {}
    for part in range(args.shares + 1):
        # Spread over the stages, which cost the same each.
        chosen = [
            pair
            for index, pair in enumerate(pairs)
            if (index + 1) * part // args.shares > index * part // args.shares
        ]
        given = [dict(student=pair.student, teacher=pair.teacher) for pair in chosen]
        model = interactive(
            args,
            probability=NEVER if chosen else 1.0,
            pairs=given or None,
        )
        name = f'share {part}/{args.shares}'
        steps[name] = stepping(model)
        values[name] = expected(model, chosen)
    for probability in args.p:
        model = interactive(args, probability=probability)
        whole = expected(model, pairs)
        name = f'p = {probability:g}'
        steps[name] = stepping(model)
        values[name] = probability + (1 - probability) * whole
    return steps, values


def main() -> None:
    args = parse_args()
    batches = prepare(args)
    steps, values = methods(args)
    found = measure(steps, batches, args.turns, CLOCKS[args.clock])
    print(
        f'ResNet-{args.teacher_depth} and ResNet-{args.depth}, width {args.width}, '
        f'batch {args.batch}, {args.threads} threads, {args.clock} time, {args.turns} '
        'turns; median (quartiles)\n\n'
        '| method | time, ms | relative to `student` | expected | relative to `kd` |\n'
        '|---|---|---|---|---|'
    )
    for name in steps:
        should = f'{values[name]:.3f}' if name in values else ''
        own, vanilla = (ratios(found, name, other) for other in ('student', 'kd'))
        print(
            f'| {name} | {milliseconds(found, name)} | {own} | {should} | {vanilla} |'
        )


if __name__ == '__main__':
    main()
