# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""A few steps of CRD in several processes: ``torchrun --nproc_per_node 2 … OUT``."""

import copy
import sys

import torch
from mmengine.dist import get_rank
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import OptimWrapper
from mmpretrain.structures import DataSample

from dynkd.compat import init_cpu_process_group, leave_process_group
from dynkd.registry import MODELS

WORLD, SAMPLES = 2, 10
#: The samples of each step, by process. At an epoch's end the sampler repeats some, so
#: that both processes see them, in images of their own.
STEPS = [
    ([0, 1, 2, 3], [4, 5, 6, 7]),
    ([8, 9, 1, 0], [8, 2, 1, 1]),
]


def build() -> torch.nn.Module:
    """A student of 14 layers and a frozen teacher of 20, which do not mix samples."""
    streams = {}
    for name, depth in (('teacher', 20), ('student', 14)):
        streams[name] = dict(
            model=dict(
                type='mmpretrain.ImageClassifier',
                backbone=dict(
                    type='dynkd.ResNet6nPlus2',
                    depth=depth,
                    stem_channels=4,
                    base_channels=4,
                    norm_cfg=dict(type='GN', num_groups=2),
                    zero_init_residual=False,
                ),
                neck=dict(type='GlobalAveragePooling'),
                head=dict(type='LinearClsHead', num_classes=3, in_channels=16),
            ),
            input_shape=(3, 32, 32),
        )
    streams['teacher']['frozen'] = True
    loss = dict(
        type='CRDLoss',
        target_channels=16,
        source_channels=16,
        num_samples=SAMPLES,
        negatives=16,
        dim=8,
    )
    taps = dict(source='teacher.neck[-1]', target='student.neck[-1]')
    torch.manual_seed(0)
    model = MODELS.build(
        dict(
            type='dynkd.Distillation',
            streams=streams,
            transfers=dict(loss_crd=dict(taps, loss=loss)),
        )
    )
    model.init_weights()
    return model.train()


def batch(step: int, ranks: list[int]) -> dict:
    """What some processes see in a step."""
    images, samples = [], []
    for rank in ranks:
        torch.manual_seed(10 * step + rank)
        for row in STEPS[step][rank]:
            images.append(torch.rand(3, 32, 32))
            sample = DataSample().set_gt_label(row % 3)
            sample.set_metainfo(dict(sample_idx=row))
            samples.append(sample)
    return dict(inputs=torch.stack(images), data_samples=samples)


def memory_of(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """What the loss remembers."""
    loss = model.transfers['loss_crd'].loss
    return copy.deepcopy(dict(loss.named_buffers()))


def main() -> None:
    init_cpu_process_group('pytorch')
    # As MMEngine's runner wraps a model: buffers are not copied from the first process.
    model = MMDistributedDataParallel(build(), device_ids=None, broadcast_buffers=False)
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1))
    memories, losses = [], []
    for step in range(len(STEPS)):
        own = batch(step, [get_rank()])
        # Each process draws other samples to compare with.
        torch.manual_seed(100 + get_rank())
        losses.append(model.train_step(own, wrapper)['loss_crd'].item())
        memories.append(memory_of(model.module))
    found = dict(
        losses=losses,
        memories=memories,
        weights=model.module.state_dict(),
        start=build().state_dict(),
    )
    torch.save(found, f'{sys.argv[1]}/found.{get_rank()}')
    leave_process_group()


if __name__ == '__main__':
    main()
