# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Time of a step of KD with images and weights in another order, and in bfloat16.

The same pair of small classifiers takes turns in one process: as it is, with
``channels_last=True`` in both streams, in bfloat16, and with both. In bfloat16 means
inside of autocast, as MMEngine's ``AmpOptimWrapper`` runs it on an accelerator.
"""

import argparse

import torch
from by_hand.classifiers import transfer
from side_by_side import CLOCKS, Step, add_options, measure, milliseconds, ratios
from small_classifiers import classifier, distillation, prepare, resnet18, step_of

#: The pairs: a teacher's and a student's config.
PAIRS = {
    'ResNet-18 of 32 and 16 channels': [resnet18(32), resnet18(16)],
    'ResNet-32 and ResNet-20': [
        classifier(64, type='dynkd.ResNet6nPlus2', depth=depth) for depth in (32, 20)
    ],
}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--batch', type=int, default=64, help='images of a batch')
    add_options(parser, turns=12)
    return parser.parse_args()


def ours(pair: str, seed: int, channels_last: bool, half: bool) -> Step:
    """A step of DynKD."""
    teacher, student = (
        dict(model=model, channels_last=channels_last) for model in PAIRS[pair]
    )
    step = step_of(
        distillation(
            seed,
            streams=dict(teacher=dict(teacher, frozen=True), student=student),
            transfers=dict(loss_kd=transfer('teacher', 'student')),
        )
    )

    def run(batch: dict) -> object:
        with torch.autocast('cpu', torch.bfloat16, enabled=half):
            return step(batch)

    return run


def main() -> None:
    args = parse_args()
    batches = prepare(args)
    print('| pair | step | ms | relative to the plain step |\n|---|---|---|---|')
    for pair in PAIRS:
        steps = {
            'plain': ours(pair, args.seed, False, False),
            'channels_last': ours(pair, args.seed, True, False),
            'bfloat16': ours(pair, args.seed, False, True),
            'both': ours(pair, args.seed, True, True),
        }
        found = measure(steps, batches, args.turns, CLOCKS[args.clock])
        for name in steps:
            times = f'{milliseconds(found, name)} | {ratios(found, name, "plain")}'
            print(f'| {pair} | {name} | {times} |', flush=True)


if __name__ == '__main__':
    main()
