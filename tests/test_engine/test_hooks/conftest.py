# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Runners of one epoch whose data a test chooses."""

from typing import Any, Callable

import pytest
from batch_items import Items
from mmengine.runner import Runner
from run_outcomes import HOOKS


@pytest.fixture
def training(tmp_path) -> Callable[..., Runner]:
    """Build a runner of one epoch that distils a teacher into a student."""

    def build(
        stream: dict,
        transfers: dict,
        batch: dict,
        loader: dict,
        hooks: Any = HOOKS,
        loop: Any = None,
        branches: Any = None,
        **model: Any,
    ) -> Runner:
        student = dict(branches=branches)
        streams = {
            name: dict(model=stream, input_shape=(3, 64, 64), **own)
            for name, own in dict(teacher=dict(frozen=True), student=student).items()
        }
        return Runner(
            model=dict(
                type='dynkd.Distillation',
                streams=streams,
                transfers=transfers,
                **model,
            ),
            work_dir=str(tmp_path),
            train_dataloader=dict(
                dataset=Items(batch),
                num_workers=0,
                sampler=dict(type='DefaultSampler', shuffle=False),
                collate_fn=dict(type='pseudo_collate'),
                **loader,
            ),
            train_cfg=loop or dict(by_epoch=True, max_epochs=1),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=1e-3)),
            custom_hooks=hooks,
            default_scope='mmengine',
            log_level='ERROR',
            experiment_name=tmp_path.name,
        )

    return build


@pytest.fixture
def dpk(training, classifier, cls_batch) -> Callable[..., Runner]:
    """Build a runner of DPK for classifiers."""

    def build(
        ratio: dict, hooks: Any = HOOKS, loop: Any = None, phases: Any = None, **loader
    ) -> Runner:
        transfer = dict(
            source='teacher.backbone[0]',
            target='student.backbone[0]',
            connector=dict(
                type='PriorKnowledge',
                student_channels=32,
                teacher_channels=32,
                embed_dims=16,
                grid_size=4,
                encoder_depth=1,
                decoder_depth=1,
                num_heads=2,
                ratio=ratio,
            ),
            loss=dict(type='FeatureLoss', kind='mse'),
        )
        batch = cls_batch(size=8)
        transfers = dict(loss_dpk=transfer)
        return training(
            classifier(), transfers, batch, loader, hooks, loop, phases=phases
        )

    return build
