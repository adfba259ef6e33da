# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What the framework costs: steps of DynKD beside the same computation by hand.

The networks have one channel or a few, so that what is measured is not their
convolutions but what happens around them: data preprocessing, taps, transfers, losses,
optimizers. `benchmarks/by_hand` has the steps by hand. Both sides of a row start with
the same weights and take turns in one process. Before they are timed, it is checked
that their losses are the same.
"""

import argparse
import copy
from collections.abc import Callable
from itertools import count
from typing import Any, NamedTuple

import torch
from by_hand import branched, classifiers, detectors, interactive, recognizers
from by_hand.step import ByHand
from mmengine.logging import MessageHub
from mmengine.registry import init_default_scope
from side_by_side import CLOCKS, Step, add_options, measure, milliseconds, ratios
from small_classifiers import OPTIMIZER, prepare
from torch import nn

from dynkd.engine.optimizers import StreamOptimWrapperConstructor


class Row(NamedTuple):
    """What is compared: a distillation, its step by hand, and what they train on."""

    model: Callable[[int], nn.Module]
    by_hand: Callable[[nn.Module], ByHand]
    batch: int
    size: int = 32
    scope: str = 'mmpretrain'


ROWS = {
    'KD, 256 x 32²': Row(classifiers.kd, classifiers.Classifiers, 256),
    'KD, 256 x 224²': Row(classifiers.kd, classifiers.Classifiers, 256, 224),
    'DKD, 256 x 32²': Row(classifiers.dkd, classifiers.Classifiers, 256),
    'DKD, FCOS, 16 images of 20 boxes': Row(
        detectors.fcos, detectors.DenseDetectors, 16, scope='mmdet'
    ),
    'DKD, Faster R-CNN, shared proposals, 4 images of 20 boxes': Row(
        detectors.faster_rcnn, detectors.TwoStageDetectors, 4, scope='mmdet'
    ),
    'DKD, RGB and flow, 8 clips': Row(
        recognizers.recognizers, recognizers.Recognizers, 8, scope='mmaction'
    ),
    'EKD, 256 x 32²': Row(branched.ekd, branched.Evolutionary, 256),
    'DTSKD with its store, 256 x 32²': Row(branched.dtskd, branched.DualTeachers, 256),
    'IAKD, p = .5, 256 x 32²': Row(interactive.iakd, interactive.Interactive, 256),
    'DPK (1-1), 256 x 32²': Row(classifiers.dpk, classifiers.PriorKnowledge, 256),
}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        '--rows', nargs='+', default=[''], help='words that the rows to measure contain'
    )
    add_options(parser, turns=40)
    return parser.parse_args()


def batches_of(row: Row, args: argparse.Namespace) -> list[dict[str, Any]]:
    """What a row trains on, as its library's data loader gives it."""
    options = argparse.Namespace(**vars(args), batch=row.batch, size=row.size)
    images = prepare(options)
    init_default_scope(row.scope)
    if row.scope == 'mmpretrain':
        return images
    made = detectors if row.scope == 'mmdet' else recognizers
    return made.batches(row.batch, args.seed)


def stepping(model: Any) -> Step:
    """A step of DynKD that counts iterations, as a runner does."""
    wrapper = StreamOptimWrapperConstructor(dict(optimizer=OPTIMIZER))(model)
    hub, iterations = MessageHub.get_current_instance(), count()

    def run(batch: Any) -> object:
        hub.update_info('iter', next(iterations))
        return model.train_step(batch, wrapper)

    return run


def check(steps: dict[str, Step], batches: list[Any], seed: int) -> None:
    """Compare the sums of the losses of two steps.

    Args:
        steps (dict): The steps.
        batches (list): The batches.
        seed (int): Of what the steps draw.

    Raises:
        AssertionError: If they differ.
    """
    for batch in batches[:2]:
        sums = []
        for step in steps.values():
            torch.manual_seed(seed)
            sums.append(float(step(copy.deepcopy(batch))['loss']))  # type: ignore[index]
        assert abs(sums[0] - sums[1]) <= 1e-4 * abs(sums[0]), sums


def main() -> None:
    args = parse_args()
    print('| step | DynKD, ms | by hand, ms | DynKD / by hand |\n|---|---|---|---|')
    for name, row in ROWS.items():
        if not any(word in name for word in args.rows):
            continue
        batches = batches_of(row, args)
        model = row.model(args.seed)
        # The copies come first: they start with the weights of the distillation.
        steps: dict[str, Step] = dict(hand=row.by_hand(model))
        steps['dynkd'] = stepping(model)
        check(steps, batches, args.seed)
        found = measure(steps, batches, args.turns, CLOCKS[args.clock])
        times = f'{milliseconds(found, "dynkd")} | {milliseconds(found, "hand")}'
        print(f'| {name} | {times} | {ratios(found, "dynkd", "hand")} |', flush=True)


if __name__ == '__main__':
    main()
