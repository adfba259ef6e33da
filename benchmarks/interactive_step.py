# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Time of a step of IAKD beside the student's own step and one of plain distillation.

ResNets of 6n+2 layers train on the same random images of 32x32, in one process, taking
turns:

- ``student``, ``teacher``: a plain training step, by MMPretrain.
- ``kd``: the same with a frozen teacher, whose logits the student learns from.
- ``share 1/3``: a step of IAKD in which such a share of the pairs takes the teacher's
  path, the same ones in every turn.
- ``p = 0.5``: a step of IAKD with such a probability of the student's path, drawn anew
  in every turn.
- ``hybrid``: the plain model that IAKD trains where all pairs take the teacher's path,
  put together by hand, and ``hybrid, trained``: the same with nothing frozen.

A turn gives a ratio for each method; medians and quartiles of these ratios are printed.
Beside them stands what is expected: 1 - s + 0.71 s r, where s is the part of the
student's multiplications that is replaced, r the time of the teacher's path relative to
the student's when both are trained, which follows from ``hybrid, trained``, and 0.71
what a block costs whose weights get no gradient.
"""

import argparse
import statistics
from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any

import torch
from mmengine.logging import MessageHub
from mmengine.optim import build_optim_wrapper
from side_by_side import CLOCKS, Step, add_options, measure, milliseconds, ratios
from small_classifiers import (
    OPTIMIZER,
    classifier,
    distillation,
    plain,
    prepare,
    step_of,
)
from torch import nn

#: The time of a frozen block's step, relative to that of a trained one.
FROZEN = 0.71
#: The name of the hybrid without anything frozen.
TRAINED = 'hybrid, trained'
#: As good as never: a probability of the student's path is above 0.
NEVER = 1e-12


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--batch', type=int, default=64, help='images in a batch')
    parser.add_argument('--depth', type=int, default=26, help="the student's")
    parser.add_argument('--teacher-depth', type=int, default=44)
    parser.add_argument('--size', type=int, default=32, help='side of the images')
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


def replaced(model: nn.Module, pairs: Sequence[Any]) -> float:
    """The part of the student's multiplications that these pairs have."""
    student = model.stream('student').model
    own = multiplications(student, [n for pair in pairs for n in pair.student])
    return own / multiplications(student)


def hybrid(model: nn.Module, frozen: bool) -> Step:
    """A training step of a plain student that has the teacher's blocks."""
    student, teacher = model.stream('student').model, model.stream('teacher').model
    for pair in model.interaction.pairs:
        path = [teacher.get_submodule(name) for name in pair.teacher]
        for name in pair.student:
            stage, _, index = name.rpartition('.')
            student.get_submodule(stage)[int(index)] = nn.Sequential(*path)
            path = []
    student.requires_grad_(True).train()
    teacher.requires_grad_(not frozen)
    wrapper = build_optim_wrapper(student, dict(optimizer=OPTIMIZER))
    return lambda batch: student.train_step(batch, wrapper)


def methods(args: argparse.Namespace) -> tuple[dict[str, Step], dict[str, float]]:
    """The step of each method, and the part of the student that some replace."""
    pairs = interactive(args, probability=1.0).interaction.pairs
    both = streams(args)
    loss = dict(type='KLDLoss', temperature=4.0, loss_weight=0.9)
    transfer = dict(source='teacher.head', target='student.head', loss=loss)
    kd = distillation(args.seed, streams=both, transfers=dict(loss_kd=transfer))
    steps = {name: plain(own['model'], args.seed) for name, own in both.items()}
    steps['kd'] = step_of(kd)
    for name, frozen in (('hybrid', True), (TRAINED, False)):
        steps[name] = hybrid(interactive(args, probability=1.0), frozen)
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
        values[name] = replaced(model, chosen)
    whole = replaced(model, pairs)
    for probability in args.p:
        model = interactive(args, probability=probability)
        name = f'p = {probability:g}'
        steps[name] = stepping(model)
        values[name] = (1 - probability) * whole
    return steps, values


def main() -> None:
    args = parse_args()
    batches = prepare(args)
    steps, values = methods(args)
    found = measure(steps, batches, args.turns, CLOCKS[args.clock])
    # All pairs are replaced in the hybrid: T / t = 1 - s + s r.
    whole = values[f'share {args.shares}/{args.shares}']
    times = zip(found[TRAINED], found['student'])
    trained = statistics.median(path / own for path, own in times)
    cost = (trained - 1 + whole) / whole
    print(
        f'ResNet-{args.teacher_depth} and ResNet-{args.depth}, width {args.width}, '
        f'batch {args.batch} of {args.size}x{args.size}, {args.threads} threads, '
        f'{args.clock} time, {args.turns} '
        f'turns; median (quartiles); r = {cost:.2f}\n\n'
        '| method | time, ms | relative to `student` | expected | relative to `kd` |\n'
        '|---|---|---|---|---|'
    )
    for name in steps:
        share = values.get(name)
        should = '' if share is None else f'{1 - share + FROZEN * share * cost:.3f}'
        own, vanilla = (ratios(found, name, other) for other in ('student', 'kd'))
        print(
            f'| {name} | {milliseconds(found, name)} | {own} | {should} | {vanilla} |'
        )


if __name__ == '__main__':
    main()
