# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Test-time augmentation of every stream, as the libraries' test scripts set it up."""

import pytest
import torch
from torch.utils.data import Dataset

from dynkd.engine.loops.test_time import predict


class Augmented(Dataset):
    """Each image as it is, and mirrored, as MMCV's ``TestTimeAug`` returns them."""

    metainfo = dict(classes=tuple('abcde'))

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> dict:
        from mmpretrain.structures import DataSample

        generator = torch.Generator().manual_seed(index)
        image = torch.rand(3, 32, 32, generator=generator) * 100
        samples = [DataSample().set_gt_label(index % 5) for _ in range(2)]
        return dict(inputs=[image, image.flip(2)], data_samples=samples)


@pytest.fixture
def tta(runner, classifier):
    """A runner as ``test.py --tta`` makes it of a config."""

    def build(kind='dynkd.StreamTestLoop', hooks=(), **loop):
        streams = {
            name: dict(model=classifier(), frozen=name == 'teacher')
            for name in ('teacher', 'student')
        }
        return runner(
            model=dict(
                type='AverageClsScoreTTA',
                module=dict(type='dynkd.Distillation', streams=streams),
            ),
            train_dataloader=None,
            train_cfg=None,
            optim_wrapper=None,
            val_dataloader=None,
            val_cfg=None,
            val_evaluator=None,
            test_dataloader=dict(
                dataset=Augmented(),
                batch_size=2,
                num_workers=0,
                sampler=dict(type='DefaultSampler', shuffle=False),
                collate_fn=dict(type='pseudo_collate'),
            ),
            test_cfg=dict(type=kind, **loop),
            custom_hooks=list(hooks),
            test_evaluator=dict(type='Accuracy', topk=(1,)),
        )

    return build


def test_every_stream_is_tested(tta):
    metrics = tta().test()
    assert set(metrics) == {'teacher/accuracy/top1', 'student/accuracy/top1'}


def test_predictions_are_averaged_over_the_augmentations(tta):
    run = tta()
    whole = run.model.module.eval()
    batch = next(iter(run.test_loop.dataloader))
    found = predict(run.model, batch, ['teacher', 'student'])
    assert run.model.module is whole
    for name, samples in found.items():
        views = [
            whole.predict_streams({key: value[i] for key, value in batch.items()})[name]
            for i in range(2)
        ]
        for index, sample in enumerate(samples):
            expected = sum(view[index].pred_score for view in views) / 2
            torch.testing.assert_close(sample.pred_score, expected)


def test_branches_are_refused(tta):
    run = tta()
    with pytest.raises(ValueError, match='not `student.branches.0`'):
        predict(run.model, {}, ['student.branches.0'])


def test_a_plain_loop_becomes_one_over_streams(tta):
    """With the hooks of a recipe, that reach into streams."""
    ema = dict(type='EMAHook')
    hooks = [
        dict(type='dynkd.ExportHook', streams=['student']),
        dict(type='dynkd.StreamHook', hook=ema),
    ]
    metrics = tta('TestLoop', hooks[:1]).test()
    assert set(metrics) == {'teacher/accuracy/top1', 'student/accuracy/top1'}
    with pytest.raises(Exception, match='assistant'):
        tta(hooks=[dict(type='dynkd.StreamHook', stream='assistant', hook=ema)]).test()
