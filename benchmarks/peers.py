# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""A step of classical distillation by DynKD, MMRazor, torchdistill and by hand.

The same pair of classifiers with the same weights, the same batches, optimizer and
losses: the label's cross-entropy, and the divergence of the class probabilities at
T = 4. They take turns in one process; before they are timed, it is checked that their
losses are the same. All receive the same batches, with data samples, as OpenMMLab's
data loaders give them, from which the labels are collected in the step. Torchdistill's
own loaders do that before the step: `torchdistill, labels collected before` receives
them as one tensor. They also normalise images one by one; here torchdistill normalises
the batch in the step, as the others do. The step by hand is that of MMPretrain's models
and data preprocessor: what they take that torchdistill's do not.

    pip install --no-deps -r requirements/peers.txt

The operations of torch are counted too: they are the same in every run.
"""

import argparse
import copy
import logging
from typing import Any

import torch
from by_hand.classifiers import Classifiers, tiny, transfer
from by_hand.step import TAU
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope
from side_by_side import CLOCKS, Step, add_options, measure, milliseconds, ratios
from small_classifiers import OPTIMIZER, distillation, prepare, resnet18, step_of
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from dynkd.registry import MODELS

#: The pairs: a teacher's and a student's config, and images of a batch.
PAIRS = {
    'ResNet-8 of 1 channel, twice': (tiny(), tiny(), 256),
    'ResNet-18 of 32 and 16 channels': (resnet18(32), resnet18(16), 64),
}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--pairs', nargs='+', default=[''], help='words of their names')
    parser.add_argument('--without', nargs='+', default=[], help='peers to leave out')
    add_options(parser, turns=24)
    return parser.parse_args()


def with_samples(step: Step) -> Step:
    """A step that receives data samples, and no tensor of labels."""
    return lambda batch: step({k: batch[k] for k in ('inputs', 'data_samples')})


def dynkd(model: nn.Module) -> Step:
    """A step of DynKD."""
    return with_samples(step_of(model))


def mmrazor(model: Any) -> Step:
    """A step of MMRazor's ``SingleTeacherDistill``."""
    recorders = dict(logits=dict(type='ModuleOutputs', source='head.fc'))
    distiller = dict(
        type='mmrazor.ConfigurableDistiller',
        student_recorders=recorders,
        teacher_recorders=recorders,
        distill_losses=dict(loss_kd=dict(type='mmrazor.KLDivergence', tau=TAU)),
        loss_forward_mappings=dict(
            loss_kd=dict(
                preds_S=dict(from_student=True, recorder='logits'),
                preds_T=dict(from_student=False, recorder='logits'),
            )
        ),
    )
    teacher, student = (
        copy.deepcopy(model.stream(name).model) for name in ('teacher', 'student')
    )
    cfg = dict(
        type='mmrazor.SingleTeacherDistill',
        architecture=student,
        teacher=teacher,
        distiller=distiller,
    )
    with DefaultScope.overwrite_default_scope('mmrazor'):
        built = MODELS.build(cfg)
    built.train()
    wrapper = build_optim_wrapper(built, dict(optimizer=OPTIMIZER))
    return with_samples(lambda batch: built.train_step(batch, wrapper))


class Logits(nn.Module):
    """A classifier as torchdistill has them: from images to logits.

    Args:
        model (nn.Module): A classifier of MMPretrain.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.backbone, self.fc = model.backbone, model.head.fc

    def forward(self, images: Tensor) -> Tensor:
        """Classify images."""
        return self.fc(self.backbone(images)[-1].mean((2, 3)))


def torchdistill(model: Any) -> Step:
    """A step of torchdistill's ``DistillationBox``, with labels from data samples."""
    step = torchdistill_of_labels(model)
    return lambda batch: step(dict(batch, labels=labels_of(batch)))


def labels_of(batch: dict[str, Any]) -> Tensor:
    """The labels of a batch in one tensor, of shape (B,)."""
    return torch.cat([sample.gt_label for sample in batch['data_samples']])


def torchdistill_of_labels(model: Any) -> Step:
    """A step of torchdistill's ``DistillationBox``, with labels in one tensor."""
    logging.disable(logging.INFO)
    from torchdistill.core.distillation import DistillationBox

    teacher, student = (
        Logits(copy.deepcopy(model.stream(name).model))
        for name in ('teacher', 'student')
    )
    optimizer = {key: value for key, value in OPTIMIZER.items() if key != 'type'}
    path = dict(module_path='.', module_io='output')
    paths = {
        f'{side}_{k}': v for side in ('student', 'teacher') for k, v in path.items()
    }
    loss = dict(key='KDLoss', kwargs=dict(paths, temperature=TAU, alpha=1.0, beta=1.0))
    stream = dict(forward_proc='forward_batch_only', forward_hook={})
    config = dict(
        num_epochs=1,
        teacher=dict(stream, requires_grad=False),
        student=stream,
        optimizer=dict(key=OPTIMIZER['type'], kwargs=optimizer),
        criterion=dict(
            key='WeightedSumLoss',
            kwargs=dict(sub_terms=dict(kd=dict(criterion=loss, weight=1.0))),
        ),
    )
    teacher.eval()
    device = torch.device('cpu')
    box = DistillationBox(teacher, student, {}, config, device, None, False, 1)
    box.pre_epoch_process(epoch=0)
    preprocessor = model.stream('student').model.data_preprocessor
    mean, std = preprocessor.mean.clone(), preprocessor.std.clone()

    def step(batch: dict[str, Any]) -> dict[str, Tensor]:
        images = (batch['inputs'].float() - mean) / std
        loss = box.forward_process(images, batch['labels'], None)
        box.post_forward_process(loss=loss)
        return dict(loss=loss)

    return step


def by_hand(model: nn.Module) -> Step:
    """A step of plain models."""
    return with_samples(Classifiers(model))


PEERS = {
    'dynkd': dynkd,
    'mmrazor': mmrazor,
    'torchdistill': torchdistill,
    'torchdistill, labels collected before': torchdistill_of_labels,
    'by hand': by_hand,
}


def check(steps: dict[str, Step], batch: dict[str, Any]) -> None:
    """Compare the losses of the steps on a batch."""
    for _ in range(2):
        found = {name: step(copy.deepcopy(batch)) for name, step in steps.items()}
        sums = {name: float(logged['loss']) for name, logged in found.items()}  # type: ignore[index]
        own = sums['dynkd']
        assert all(abs(v - own) <= 1e-4 * own for v in sums.values()), sums


def operations(step: Step, batch: dict[str, Any]) -> int:
    """How many operations of torch a step runs, forward, backward and update."""
    with profile(activities=[ProfilerActivity.CPU]) as found:
        step(copy.deepcopy(batch))
    return sum(event.name.startswith('aten::') for event in found.events())


def main() -> None:
    args = parse_args()
    peers = [name for name in PEERS if name not in args.without]
    print('| pair | step | operations | ms | DynKD / this |\n|---|---|---|---|---|')
    for pair, (teacher, student, count) in PAIRS.items():
        if not any(word in pair for word in args.pairs):
            continue
        batches = prepare(argparse.Namespace(**vars(args), batch=count))
        for batch in batches:
            batch['labels'] = labels_of(batch)
        model = distillation(
            args.seed,
            streams=dict(
                teacher=dict(model=teacher, frozen=True), student=dict(model=student)
            ),
            transfers=dict(loss_kd=transfer('teacher', 'student')),
        )
        # The copies come first: they start with the weights of the distillation.
        steps = {name: PEERS[name](model) for name in reversed(peers)}
        check(steps, batches[0])
        counts = {name: operations(step, batches[0]) for name, step in steps.items()}
        found = measure(steps, batches, args.turns, CLOCKS[args.clock])
        for name in peers:
            times = f'{milliseconds(found, name)} | {ratios(found, "dynkd", name)}'
            print(f'| {pair} | {name} | {counts[name]} | {times} |', flush=True)


if __name__ == '__main__':
    main()
