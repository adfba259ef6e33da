# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""A runner of a few tiny epochs."""

from typing import Any, Callable

import pytest
import torch
from mmengine.runner import Runner
from torch.utils.data import Dataset

SGD = dict(optimizer=dict(type='SGD', lr=0.01))


class Images(Dataset):
    """Random images that are noisier in each draw, as augmentation makes them."""

    metainfo = dict(classes=tuple('abcde'))

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> dict[str, Any]:
        from mmpretrain.structures import DataSample

        generator = torch.Generator().manual_seed(index)
        image = torch.rand(3, 32, 32, generator=generator) + torch.rand(3, 1, 1)
        sample = DataSample(metainfo=dict(sample_idx=index)).set_gt_label(index % 5)
        return dict(inputs=image * 100, data_samples=sample)


@pytest.fixture
def runner(classifier, kld, tmp_path) -> Callable[..., Runner]:
    """Build a runner that trains a student with a teacher for two epochs."""

    def build(
        teacher: Any = None,
        loading: Any = None,
        student: Any = None,
        transfers: Any = None,
        phases: Any = None,
        **cfg: Any,
    ) -> Runner:
        loader = dict(
            dataset=Images(),
            batch_size=4,
            num_workers=0,
            collate_fn=dict(type='default_collate'),
        )
        given = dict(teacher=teacher, student=student)
        streams = {
            name: dict(dict(model=classifier()), **(own or {}))
            for name, own in given.items()
        }
        for stream in streams.values():
            stream['input_shape'] = (3, 32, 32)
        trained = [name for name, own in streams.items() if not own.get('frozen')]
        defaults = dict(
            model=dict(
                type='dynkd.Distillation',
                streams=streams,
                transfers=transfers or dict(loss_kld=kld('teacher', 'student')),
                phases=phases,
            ),
            work_dir=str(tmp_path),
            train_dataloader=dict(
                loader,
                **dict(dict(sampler=dict(type='DefaultSampler')), **(loading or {})),
            ),
            val_dataloader=dict(
                loader, sampler=dict(type='DefaultSampler', shuffle=False)
            ),
            train_cfg=dict(by_epoch=True, max_epochs=2),
            val_cfg=dict(type='dynkd.StreamValLoop'),
            val_evaluator=dict(type='Accuracy', topk=(1,)),
            optim_wrapper=dict(
                constructor='dynkd.StreamOptimWrapperConstructor',
                type='OptimWrapper',
                streams=dict.fromkeys(trained, SGD),
            ),
            randomness=dict(seed=3),
            default_scope='mmpretrain',
            log_level='ERROR',
            experiment_name=f'{tmp_path.name}-{len(list(tmp_path.iterdir()))}',
        )
        return Runner(**dict(defaults, **cfg))

    return build
