# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Trains IAKD with taps, a store in files and all hooks; prints what the process holds.

``python memory_run.py FOLDER ITERATIONS EVERY``: a line of JSON after each ``EVERY``
iterations: ``[iteration, KiB in memory, open files, threads]``.
"""

import ctypes
import gc
import json
import os
import sys
from pathlib import Path
from typing import Any

import torch
from mmengine.dataset import BaseDataset
from mmengine.hooks import Hook
from mmengine.runner import Runner

import dynkd  # noqa: F401  # registers everything

SIDE, CLASSES, SAMPLES, BATCH = 16, 5, 40, 4
KINDS = ('RunCheckHook', 'FiniteHook', 'ExactResumeHook', 'StoreHook')


class Images(BaseDataset):
    """Random images."""

    METAINFO = dict(classes=tuple('abcde'))

    def load_data_list(self) -> list[dict]:
        return [dict(gt_label=i % CLASSES, img_path=f'{i}') for i in range(SAMPLES)]

    def prepare_data(self, index: int) -> dict[str, Any]:
        from mmpretrain.structures import DataSample

        sample = DataSample(metainfo=dict(sample_idx=index))
        image = torch.rand(3, SIDE, SIDE) * 255
        return dict(inputs=image, data_samples=sample.set_gt_label(index % CLASSES))


class Meter(Hook):
    """Prints what the process holds.

    Args:
        every (int): After so many iterations.
    """

    priority = 'LOWEST'

    def __init__(self, every: int) -> None:
        self.every = every
        self.trim = getattr(ctypes.CDLL(None), 'malloc_trim', lambda keep: None)

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if (runner.iter + 1) % self.every:
            return
        gc.collect()
        # What the allocator keeps for later is not held by anything.
        self.trim(0)
        status = Path('/proc/self/status').read_text().splitlines()
        found = dict(line.split(':', 1) for line in status)
        memory = int(found['RssAnon'].split()[0])
        files = len(os.listdir('/proc/self/fd'))
        print(json.dumps([runner.iter + 1, memory, files, int(found['Threads'])]))


def net(depth: int) -> dict:
    """A thin classifier."""
    return dict(
        type='mmpretrain.ImageClassifier',
        data_preprocessor=dict(mean=[127.5] * 3, std=[63.75] * 3, num_classes=CLASSES),
        backbone=dict(
            type='dynkd.ResNet6nPlus2', depth=depth, stem_channels=4, base_channels=4
        ),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(
            type='LinearClsHead',
            num_classes=CLASSES,
            in_channels=16,
            loss=dict(type='CrossEntropyLoss'),
        ),
    )


def main() -> None:
    folder, iterations, every = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(1)
    shape = (3, SIDE, SIDE)
    transfers = dict(
        loss_feature=dict(
            source='teacher.backbone[0]',
            target='student.backbone[0]',
            target_connector=dict(
                type='ChannelAligner', in_channels=16, out_channels=16
            ),
            loss=dict(type='FeatureLoss'),
        ),
        loss_his=dict(
            source='history.student.head',
            target='student.head',
            loss=dict(type='HistoricalLoss', beta=0.5),
        ),
    )
    loader = dict(batch_size=BATCH, num_workers=0)
    runner = Runner(
        model=dict(
            type='dynkd.InteractiveDistillation',
            streams=dict(
                student=dict(model=net(14), input_shape=shape),
                teacher=dict(model=net(20), input_shape=shape, frozen=True),
            ),
            interaction=dict(probability=0.5),
            transfers=transfers,
            stores=dict(history=dict(path=f'{folder}/rows')),
        ),
        work_dir=folder,
        train_dataloader=dict(
            dataset=Images(serialize_data=False),
            sampler=dict(type='DefaultSampler', shuffle=True),
            collate_fn=dict(type='pseudo_collate'),
            **loader,
        ),
        train_cfg=dict(by_epoch=True, max_epochs=iterations * BATCH // SAMPLES),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.01, momentum=0.9)),
        default_hooks=dict(
            checkpoint=dict(type='dynkd.CheckpointHook', interval=10, max_keep_ckpts=2),
            logger=dict(type='LoggerHook', interval=100),
        ),
        custom_hooks=[
            *(dict(type=f'dynkd.{kind}') for kind in KINDS),
            Meter(every),
        ],
        randomness=dict(seed=0),
        default_scope='mmpretrain',
        log_level='ERROR',
        experiment_name='memory',
    )
    runner.train()


if __name__ == '__main__':
    main()
