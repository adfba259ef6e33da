# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""One step of one process and the same step of two, each with half of the batch.

``torchrun --nproc_per_node 2 two_processes.py OUT``. Every process first takes the step
with the whole batch, before there is a process group, then its half in the group.
"""

import copy
import sys

import torch
from mmengine.config import Config
from mmengine.dist import get_rank
from mmengine.logging import MessageHub
from mmengine.model import MMDistributedDataParallel
from mmengine.registry import MODELS, init_default_scope
from mmengine.structures import InstanceData
from torch import Tensor, nn

from dynkd.compat import init_cpu_process_group, leave_process_group
from dynkd.engine.optimizers import StreamOptimWrapperConstructor

OPTIM_WRAPPER = dict(
    optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=1e-4),
    clip_grad=dict(max_norm=0.5),
)


def build(config: str) -> nn.Module:
    """The distillation of a config, with normalisation that keeps its statistics."""
    cfg = Config.fromfile(config)
    init_default_scope(cfg.default_scope)
    if 'data_preprocessor' in cfg:
        cfg.model.data_preprocessor = cfg.data_preprocessor
    cfg.model.pop('phases', None)
    for stream in cfg.model.streams.values():
        stream.norm_eval = True
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    return model.train()


def classification_batch() -> dict:
    from mmpretrain.structures import DataSample

    images = torch.randint(0, 256, (4, 3, 64, 64), dtype=torch.uint8)
    samples = [DataSample().set_gt_label(label) for label in (0, 2, 1, 1)]
    return dict(inputs=images, data_samples=samples)


def detection_batch() -> dict:
    """Images of which the second half has three times as many boxes."""
    from mmdet.structures import DetDataSample

    images = list(torch.randint(0, 256, (4, 3, 64, 64), dtype=torch.uint8))
    samples = []
    for count in (1, 1, 3, 3):
        corner = torch.rand(count, 2) * 30
        size = 10 + torch.rand(count, 2) * 20
        shape = dict(img_shape=(64, 64), ori_shape=(64, 64), scale_factor=(1.0, 1.0))
        sample = DetDataSample(metainfo=shape)
        sample.gt_instances = InstanceData(
            bboxes=torch.cat([corner, corner + size], 1),
            labels=torch.randint(0, 3, (count,)),
        )
        samples.append(sample)
    return dict(inputs=images, data_samples=samples)


def half(batch: dict, rank: int) -> dict:
    return {key: value[2 * rank : 2 * rank + 2] for key, value in batch.items()}


def step(model: nn.Module, batch: dict) -> dict[str, Tensor]:
    """Take a step; return the losses' gradients, and the weights after the step."""
    inner = model.module if hasattr(model, 'module') else model
    wrapper = StreamOptimWrapperConstructor(dict(OPTIM_WRAPPER))(model)
    found: dict[str, Tensor] = {}
    move = wrapper.step

    def keep_gradients_and_move(**kwargs) -> None:
        for name, parameter in inner.named_parameters():
            if parameter.grad is not None:
                found[f'grad.{name}'] = parameter.grad.clone()
        move(**kwargs)

    wrapper.step = keep_gradients_and_move
    model.train_step(copy.deepcopy(batch), wrapper)
    for name, parameter in inner.named_parameters():
        found[f'weight.{name}'] = parameter.detach().clone()
    return found


def main() -> None:
    out, *configs = sys.argv[1:]
    # The weight of the EMD is a schedule, which begins at zero.
    MessageHub.get_instance('two_processes').update_info('epoch', 2)
    jobs = []
    for config, make_batch in zip(configs, (classification_batch, detection_batch)):
        model, alone = build(config), build(config)
        batch = make_batch()
        found = dict(one=step(alone, batch), half=step(build(config), half(batch, 0)))
        jobs.append((model, batch, found))
    init_cpu_process_group('pytorch')
    for model, batch, found in jobs:
        wrapped = MMDistributedDataParallel(model, device_ids=None)
        found['two'] = step(wrapped, half(batch, get_rank()))
    torch.save([found for *_, found in jobs], f'{out}.{get_rank()}')
    leave_process_group()


if __name__ == '__main__':
    main()
