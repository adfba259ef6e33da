# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Time of a step of DTSKD and of EKD beside the plain training of their backbones.

All methods train ResNets of MMPretrain on the same random images of 32x32 in 100
classes, in one process, taking turns:

- ``student``, ``teacher``: a plain training step of each, by MMPretrain.
- ``dtskd``: a step of the student with mixed fusion modules, both transfers and
  a store.
- ``kd``: a step of the student with a frozen teacher and one transfer.
- ``ekd``: a step of both with guided modules and all transfers; ``ekd, no modules``:
  without guided modules, so only the divergence between the heads is left.

A turn gives a ratio for each method; medians and quartiles of these ratios are printed.
"""

import argparse

from side_by_side import CLOCKS, Step, add_options, measure, milliseconds, ratios
from small_classifiers import classifier, distillation, plain, prepare, step_of

#: What a method is compared with: the sum of these.
PARTS = {
    'dtskd': ('student',),
    'kd': ('student',),
    'ekd, no modules': ('student', 'teacher'),
    'ekd': ('student', 'teacher'),
}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--batch', type=int, default=32, help='images in a batch')
    parser.add_argument('--depth', type=int, default=18, help="the student's")
    parser.add_argument('--teacher-depth', type=int, default=34)
    parser.add_argument('--width', type=int, default=64, help='of the first stage')
    add_options(parser, turns=12)
    return parser.parse_args()


def resnet(args: argparse.Namespace, depth: int) -> dict:
    """A ResNet for small images."""
    return classifier(
        8 * args.width * (4 if depth >= 50 else 1),
        type='ResNet_CIFAR',
        depth=depth,
        stem_channels=args.width,
        base_channels=args.width,
    )


def distilled(args: argparse.Namespace, **cfg: dict) -> Step:
    """A training step of a distillation."""
    return step_of(distillation(args.seed, **cfg))


def methods(args: argparse.Namespace) -> dict[str, Step]:
    """The step of each method."""
    student = dict(model=resnet(args, args.depth))
    teacher = dict(model=resnet(args, args.teacher_depth))
    width = student['model']['head']['in_channels']
    guided = dict(branches=dict(module=dict(type='GuidedModule', out_channels=width)))
    fused = dict(
        loss_weight=0.0,
        branches=dict(module=dict(type='MixedFusionModule'), loss_weight=0.0),
    )
    ekd = dict(transfers=dict(loss_ekd=dict(type='EvolutionaryTransfers')))
    dtskd = dict(transfers=dict(loss_dtskd=dict(type='DualTeacherTransfers')))
    return {
        'student': plain(student['model'], args.seed),
        'teacher': plain(teacher['model'], args.seed),
        'dtskd': distilled(
            args,
            streams=dict(student=dict(student, **fused)),
            stores=dict(history=dict(format='uint8')),
            **dtskd,
        ),
        'kd': distilled(
            args,
            streams=dict(teacher=dict(teacher, frozen=True), student=student),
            **ekd,
        ),
        'ekd, no modules': distilled(
            args, streams=dict(teacher=teacher, student=student), **ekd
        ),
        'ekd': distilled(
            args,
            streams=dict(
                teacher=dict(teacher, **guided), student=dict(student, **guided)
            ),
            **ekd,
        ),
    }


def main() -> None:
    args = parse_args()
    batches = prepare(args)
    steps = methods(args)
    found = measure(steps, batches, args.turns, CLOCKS[args.clock])
    print(
        f'ResNet-{args.teacher_depth} and ResNet-{args.depth}, width {args.width}, '
        f'batch {args.batch}, {args.threads} threads, {args.clock} time, {args.turns} '
        'turns; median (quartiles)\n\n'
        '| method | time, ms | relative to its parts | the parts |\n|---|---|---|---|'
    )
    for name in steps:
        parts = PARTS.get(name, (name,))
        print(
            f'| {name} | {milliseconds(found, name)} | {ratios(found, name, *parts)} '
            f'| {" + ".join(parts)} |'
        )


if __name__ == '__main__':
    main()
