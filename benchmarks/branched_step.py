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
import copy

import torch
from mmengine.logging import MessageHub, MMLogger
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS as MMENGINE_MODELS
from mmengine.registry import init_default_scope
from mmpretrain.structures import DataSample
from side_by_side import CLOCKS, Step, add_options, measure, milliseconds, ratios

from dynkd.engine.optimizers import StreamOptimWrapperConstructor
from dynkd.registry import MODELS

CLASSES = 100
SAMPLES = 50_000
OPTIMIZER = dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=5e-4)
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


def classifier(args: argparse.Namespace, depth: int) -> dict:
    """A ResNet for small images."""
    return dict(
        type='mmpretrain.ImageClassifier',
        backbone=dict(
            type='ResNet_CIFAR',
            depth=depth,
            stem_channels=args.width,
            base_channels=args.width,
        ),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(
            type='LinearClsHead',
            num_classes=CLASSES,
            in_channels=8 * args.width * (4 if depth >= 50 else 1),
            loss=dict(type='CrossEntropyLoss'),
        ),
        data_preprocessor=dict(mean=[127.5] * 3, std=[63.75] * 3, num_classes=CLASSES),
    )


def make_batch(args: argparse.Namespace, generator: torch.Generator) -> dict:
    """Random images and labels, as MMPretrain's data loader gives them."""
    size = (args.batch, 3, 32, 32)
    images = torch.randint(0, 256, size, generator=generator, dtype=torch.uint8)
    labels = torch.randint(0, CLASSES, (args.batch,), generator=generator)
    indices = torch.randint(0, SAMPLES, (args.batch,), generator=generator)
    samples = [DataSample().set_gt_label(label) for label in labels]
    for index, sample in zip(indices.tolist(), samples):
        sample.set_metainfo(dict(sample_idx=index))
    return dict(inputs=images, data_samples=samples)


def plain(args: argparse.Namespace, depth: int) -> Step:
    """A training step of one model by itself."""
    torch.manual_seed(args.seed)
    model = MMENGINE_MODELS.build(classifier(args, depth)).train()
    model.init_weights()
    wrapper = build_optim_wrapper(model, dict(optimizer=OPTIMIZER))
    return lambda batch: model.train_step(batch, wrapper)


def distilled(args: argparse.Namespace, **cfg: dict) -> Step:
    """A training step of a distillation."""
    for stream in cfg['streams'].values():
        stream['input_shape'] = (3, 32, 32)
    torch.manual_seed(args.seed)
    model = MODELS.build(dict(type='dynkd.Distillation', **copy.deepcopy(cfg)))
    model.init_weights()
    model.train()
    for store in model.stores.values():
        store.open(SAMPLES, 'random images')
    wrapper = StreamOptimWrapperConstructor(dict(optimizer=OPTIMIZER))(model)
    return lambda batch: model.train_step(batch, wrapper)


def methods(args: argparse.Namespace) -> dict[str, Step]:
    """The step of each method."""
    student = dict(model=classifier(args, args.depth))
    teacher = dict(model=classifier(args, args.teacher_depth))
    width = student['model']['head']['in_channels']
    guided = dict(branches=dict(module=dict(type='GuidedModule', out_channels=width)))
    fused = dict(
        loss_weight=0.0,
        branches=dict(module=dict(type='MixedFusionModule'), loss_weight=0.0),
    )
    ekd = dict(transfers=dict(loss_ekd=dict(type='EvolutionaryTransfers')))
    dtskd = dict(transfers=dict(loss_dtskd=dict(type='DualTeacherTransfers')))
    return {
        'student': plain(args, args.depth),
        'teacher': plain(args, args.teacher_depth),
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
    torch.set_num_threads(args.threads)
    init_default_scope('mmpretrain')
    MMLogger.get_instance('step', log_level='ERROR')
    MessageHub.get_instance('step').update_info('max_epochs', 10)
    generator = torch.Generator().manual_seed(args.seed)
    batches = [make_batch(args, generator) for _ in range(4)]
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
