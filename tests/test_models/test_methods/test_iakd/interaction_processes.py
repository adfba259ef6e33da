# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""A few steps of IAKD in several processes: ``torchrun --nproc_per_node 2 … OUT``."""

import sys

import torch
from mmengine.dist import get_rank
from mmengine.logging import MessageHub
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import OptimWrapper
from mmpretrain.structures import DataSample

from dynkd.compat import init_cpu_process_group, leave_process_group
from dynkd.registry import MODELS

WORLD, STEPS = 2, 4


def build() -> torch.nn.Module:
    """A student of 14 layers (3 pairs) and a frozen teacher of 20."""
    streams = {}
    for name, depth in (('student', 14), ('teacher', 20)):
        streams[name] = dict(
            model=dict(
                type='mmpretrain.ImageClassifier',
                backbone=dict(
                    type='dynkd.ResNet6nPlus2',
                    depth=depth,
                    stem_channels=4,
                    base_channels=4,
                    zero_init_residual=False,
                ),
                neck=dict(type='GlobalAveragePooling'),
                head=dict(type='LinearClsHead', num_classes=3, in_channels=16),
            ),
            input_shape=(3, 32, 32),
        )
    streams['teacher']['frozen'] = True
    torch.manual_seed(0)
    model = MODELS.build(
        dict(
            type='dynkd.InteractiveDistillation',
            streams=streams,
            interaction=dict(probability=0.5),
        )
    )
    model.init_weights()
    return model.train()


def main() -> None:
    init_cpu_process_group('pytorch')
    model = MMDistributedDataParallel(
        build(), device_ids=None, find_unused_parameters=True
    )
    sgd = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
    wrapper = OptimWrapper(sgd)
    hub = MessageHub.get_instance('interaction_processes')
    # Random states differ, as they do with a data loader in each process.
    torch.manual_seed(100 + get_rank())
    swapped, silent = [], []
    for step in range(STEPS):
        hub.update_info('iter', step)
        samples = [DataSample().set_gt_label(label) for label in (0, 2, 1, 1)]
        losses = model(torch.rand(4, 3, 32, 32), samples, mode='loss')
        loss, _ = model.module.parse_losses(losses)
        wrapper.zero_grad()
        wrapper.backward(loss)
        own = model.module.stream('student').model.named_parameters()
        silent.append([name for name, p in own if p.grad is None])
        swapped.append(losses['interaction/swapped'].item())
        wrapper.step()
    weights = model.module.state_dict()
    found = dict(swapped=swapped, silent=silent, weights=weights, loss=loss.item())
    torch.save(found, f'{sys.argv[1]}/found.{get_rank()}')
    leave_process_group()


if __name__ == '__main__':
    main()
