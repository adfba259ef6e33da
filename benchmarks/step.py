# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Time of a DKD step of an FCOS pair beside the plain training of both models.

All methods train on the same batches, in one process, taking turns:

- ``plain``: a training step of the teacher and one of the student, by MMDetection.
- ``dkd``: one step of both with all transfers, as DynKD takes it.
- ``undetached``: the same with ``detach_source=False`` everywhere, which has one
  backward pass too.
- ``two-backwards``: nothing detached, and a backward pass for each model's own total,
  which is how the released script of DKD trains. Each pass goes through both models.

A turn gives a ratio for each method; medians and quartiles of these ratios are printed.
With ``--profile`` the operators of a DKD step and of a plain step are listed instead.
"""

import argparse
import copy
from pathlib import Path

import torch
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.logging import MessageHub, MMLogger
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from side_by_side import CLOCKS, Step, add_options, measure, milliseconds, ratios
from torch import nn

from dynkd.engine.optimizers import StreamOptimWrapper, StreamOptimWrapperConstructor
from dynkd.registry import MODELS

ROOT = Path(__file__).resolve().parents[1]
PAIR = ROOT / 'configs' / '_base_' / 'models' / 'dkd_fcos_r18.py'
OPTIMIZER = dict(type='SGD', lr=1e-3, momentum=0.9, weight_decay=1e-4)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--batch', type=int, default=4, help='images in a batch')
    parser.add_argument('--height', type=int, default=240)
    parser.add_argument('--width', type=int, default=320)
    parser.add_argument('--boxes', type=int, default=10, help='boxes in an image')
    parser.add_argument('--classes', type=int, default=3)
    add_options(parser, turns=15)
    parser.add_argument('--profile', action='store_true', help='list operators instead')
    return parser.parse_args()


def make_batch(args: argparse.Namespace, generator: torch.Generator) -> dict:
    """Random images and boxes, as MMDetection's data loader gives them."""
    shape = (args.height, args.width)
    images, samples = [], []
    for _ in range(args.batch):
        images.append(
            torch.randint(0, 256, (3, *shape), generator=generator, dtype=torch.uint8)
        )
        size = torch.tensor([args.width, args.height, args.width, args.height])
        corners = torch.rand(args.boxes, 2, 2, generator=generator) * 0.9
        boxes = torch.cat([corners.amin(1), corners.amax(1) + 0.1], 1) * size
        labels = torch.randint(0, args.classes, (args.boxes,), generator=generator)
        sample = DetDataSample(
            metainfo=dict(img_shape=shape, ori_shape=shape, scale_factor=(1.0, 1.0))
        )
        sample.gt_instances = InstanceData(bboxes=boxes, labels=labels)
        samples.append(sample)
    return dict(inputs=images, data_samples=samples)


def build(args: argparse.Namespace, detach: bool = True) -> nn.Module:
    """The pair; every call gives the same weights."""
    cfg = Config.fromfile(PAIR).model
    for stream in cfg.streams.values():
        stream.model.bbox_head.num_classes = args.classes
    for transfer in cfg.transfers.values():
        transfer.detach_source = detach
    torch.manual_seed(args.seed)
    model = MODELS.build(cfg)
    model.init_weights()
    return model.train()


def optimizers(model: nn.Module) -> StreamOptimWrapper:
    """An optimizer for each stream."""
    return StreamOptimWrapperConstructor(dict(optimizer=OPTIMIZER))(model)


def plain(args: argparse.Namespace) -> Step:
    """A training step of the teacher and one of the student."""
    models = build(args).streams.values()
    wrappers = [build_optim_wrapper(m, dict(optimizer=OPTIMIZER)) for m in models]

    def step(batch: dict) -> None:
        for model, wrapper in zip(models, wrappers):
            model.train_step(batch, wrapper)

    return step


def distilled(args: argparse.Namespace, detach: bool) -> Step:
    """A training step of the pair with one backward pass."""
    model = build(args, detach)
    wrapper = optimizers(model)
    return lambda batch: model.train_step(batch, wrapper)


def two_backwards(args: argparse.Namespace) -> Step:
    """A step of the pair with nothing detached and a backward pass for each model."""
    model = build(args, detach=False)
    wrapper = optimizers(model)

    def step(batch: dict) -> None:
        losses = model(**model.data_preprocessor(batch, True), mode='loss')
        owners = {name: t.learner for name, t in model.transfers.items()}
        totals = []
        for stream in model.streams:
            own = {
                name: value
                for name, value in losses.items()
                if owners.get(name) == stream or name.startswith(f'{stream}/')
            }
            totals.append(model.parse_losses(own)[0])
        wrapper.zero_grad()
        totals[0].backward(retain_graph=True)
        totals[1].backward()
        wrapper.step()

    return step


def profile(step: Step, batch: dict) -> str:
    """The operators that take most of the time of a step."""
    for _ in range(2):
        step(copy.deepcopy(batch))
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities) as profiler:
        step(copy.deepcopy(batch))
    return profiler.key_averages().table('self_cpu_time_total', row_limit=25)


def main() -> None:
    args = parse_args()
    torch.set_num_threads(args.threads)
    init_default_scope('mmdet')
    MMLogger.get_instance('step', log_level='ERROR')
    MessageHub.get_instance('step')
    generator = torch.Generator().manual_seed(args.seed)
    batches = [make_batch(args, generator) for _ in range(4)]
    methods = {
        'plain': plain(args),
        'dkd': distilled(args, detach=True),
        'undetached': distilled(args, detach=False),
        'two-backwards': two_backwards(args),
    }
    if args.profile:
        for name in ('plain', 'dkd'):
            print(f'{name}\n{profile(methods[name], batches[0])}')
        return
    found = measure(methods, batches, args.turns, CLOCKS[args.clock])
    print(
        f'FCOS, ResNet-18 and its half, {args.width}x{args.height}, batch {args.batch},'
        f' {args.threads} threads, {args.clock} time, {args.turns} turns; '
        'median (quartiles)\n\n'
        '| method | time, ms | relative to plain | relative to dkd |\n|---|---|---|---|'
    )
    for name in methods:
        print(
            f'| {name} | {milliseconds(found, name)} | {ratios(found, name, "plain")} '
            f'| {ratios(found, name, "dkd")} |'
        )


if __name__ == '__main__':
    main()
