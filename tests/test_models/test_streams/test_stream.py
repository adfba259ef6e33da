# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Where streams come from, and in which library they are built."""

import copy

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import DefaultScope
from mmpretrain.models import ImageClassifier
from torch import nn

from dynkd.models.streams import StreamConfig, order_streams
from dynkd.registry import MODELS

RESNET = 'mmpretrain::resnet/resnet18_8xb16_cifar10.py'


def bare(model: dict) -> dict:
    """A model's config without the prefix of its library."""
    return dict(model, type=model['type'].partition('.')[2])


@pytest.mark.parametrize('default', ['mmdet', 'mmpretrain'])
def test_streams_of_two_libraries(build, classifier, fcos, default):
    """Each is built in its own library, whatever the scope of the run."""
    DefaultScope.get_instance('run', scope_name=default)
    model = build(
        streams=dict(
            first=dict(model=classifier()),
            second=dict(model=bare(classifier()), scope='mmpretrain'),
            detector=dict(model=fcos()),
        )
    )
    libraries = {
        name: type(model.stream(name).model).__module__ for name in model.all_streams
    }
    assert libraries['first'].startswith('mmpretrain.')
    assert libraries['second'].startswith('mmpretrain.')
    assert libraries['detector'].startswith('mmdet.')
    backbone = type(model.stream('detector').model.backbone).__module__
    assert backbone.startswith('mmdet.')
    assert DefaultScope.get_current_instance().scope_name == default


def test_default_scope_is_the_last_resort(build, classifier):
    DefaultScope.get_instance('run', scope_name='mmpretrain')
    model = build(student=dict(model=bare(classifier())))
    assert type(model.stream('student').model).__module__.startswith('mmpretrain.')
    assert model.stream('student').cfg.scope == 'mmpretrain'


def test_type_that_is_a_class(build, classifier):
    """MMEngine's configs in pure Python name classes instead of strings."""
    from mmpretrain.models import ImageClassifier

    DefaultScope.get_instance('run', scope_name='mmdet')
    model = build(student=dict(model=dict(classifier(), type=ImageClassifier)))
    assert isinstance(model.stream('student').model, ImageClassifier)
    assert model.stream('student').cfg.scope == 'mmpretrain'


def test_config_of_a_package(build, cls_batch):
    DefaultScope.get_instance('run', scope_name='mmdet')
    model = build(student=dict(config=RESNET), streams=dict(other=dict(config=RESNET)))
    student = model.stream('student').model
    assert type(student).__module__.startswith('mmpretrain.')
    assert student.head.fc.out_features == 10
    # The config's data preprocessor stands beside its model.
    torch.testing.assert_close(
        student.data_preprocessor.mean.flatten(),
        torch.tensor([125.307, 122.961, 113.8575]),
    )
    losses = model(**cls_batch(), mode='loss')
    assert set(losses) == {'student/loss', 'other/loss'}


def test_overrides_are_merged(build):
    model = build(
        student=dict(
            config=RESNET,
            model=dict(
                backbone=dict(base_channels=8, stem_channels=8),
                neck=dict(_delete_=True, type='GlobalAveragePooling', dim=2),
                head=dict(
                    _delete_=True, type='LinearClsHead', num_classes=4, in_channels=64
                ),
            ),
        )
    )
    student = model.stream('student').model
    assert student.backbone.conv1.out_channels == 8
    # What is not named stays.
    assert student.backbone.depth == 18
    assert student.head.fc.weight.shape == (4, 64)
    assert student.head.topk == (1,)


def test_the_users_config_is_left_as_it_is():
    """Building twice gives the same: `_delete_` is still there the second time."""
    cfg = ConfigDict(
        type='Distillation',
        streams=dict(
            student=dict(
                config=RESNET,
                input_shape=(3, 32, 32),
                model=dict(
                    backbone=dict(_delete_=True, type='VGG', depth=11, out_indices=(4,))
                ),
            )
        ),
    )
    before = copy.deepcopy(cfg)
    for _ in range(2):
        assert (
            type(MODELS.build(cfg).stream('student').model.backbone).__name__ == 'VGG'
        )
        assert cfg == before


def test_config_file(build, classifier, tmp_path):
    """A file of the user, with a data preprocessor for all and a scope."""
    model = bare(classifier())
    preprocessor = model.pop('data_preprocessor')
    path = tmp_path / 'plain.py'
    path.write_text(
        f'default_scope = "mmpretrain"\nmodel = {model!r}\n'
        f'data_preprocessor = {dict(preprocessor, mean=[1.0, 2.0, 3.0])!r}\n'
    )
    built = build(student=dict(config=str(path)))
    mean = built.stream('student').model.data_preprocessor.mean.flatten().tolist()
    assert mean == [1, 2, 3]


def test_data_preprocessor_of_streams_without_one(build, classifier):
    own, inherited = classifier(), classifier()
    preprocessor = dict(inherited.pop('data_preprocessor'), mean=[1.0, 2.0, 3.0])
    model = build(
        teacher=dict(model=own),
        student=dict(model=inherited),
        data_preprocessor=preprocessor,
    )
    means = {
        name: model.stream(name).model.data_preprocessor.mean.flatten().tolist()
        for name in model.all_streams
    }
    assert means == dict(teacher=[127.5] * 3, student=[1, 2, 3])


def test_order_of_streams():
    streams = {
        'teacher': StreamConfig('teacher', proposals='student'),
        'student': StreamConfig('student'),
        'other': StreamConfig('other'),
    }
    assert list(order_streams(streams)) == ['student', 'other', 'teacher']
    streams['student'].proposals = 'nobody'
    with pytest.raises(ValueError, match='takes the proposals of.*another stream'):
        order_streams(streams)


def test_main_stream(build, classifier, cls_batch):
    model = build(
        streams={name: dict(model=classifier()) for name in ('a', 'student', 'b')}
    )
    assert model.main_stream == 'student'
    model = build(
        streams=dict(
            a=dict(model=classifier()),
            b=dict(model=classifier()),
            c=dict(model=classifier(), frozen=True),
        )
    )
    assert model.main_stream == 'b'
    batch = cls_batch()
    model.eval()
    everyone = model.predict_streams(batch)
    assert list(everyone) == ['a', 'b', 'c']
    for step in (model.val_step, model.test_step):
        for mine, named in zip(step(batch), everyone['b']):
            torch.testing.assert_close(mine.pred_score, named.pred_score)
    assert list(model.predict_streams(batch, ['c'])) == ['c']
    tensor = model(batch['inputs'], mode='tensor')
    assert tensor.shape == (4, 5)


def test_a_part_called_branches_is_refused(classifier):
    model = MODELS.build(dict(classifier()))
    model.branches = nn.ModuleList([nn.Linear(2, 2)])
    cfg = StreamConfig.from_cfg('student', dict(model=model))
    with pytest.raises(ValueError, match='`student`: .* has a part called `branches`'):
        cfg.build()


def test_the_library_of_a_users_model(classifier):
    """Its package is no library with registries; the class that it derives from is."""

    class Mine(ImageClassifier):
        pass

    Mine.__module__ = 'mypkg.nets'
    own = StreamConfig.from_cfg('student', dict(model=dict(classifier(), type=Mine)))
    assert own.scope == 'mmpretrain'
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        path = dict(classifier(), type='mypkg.nets.Mine')
        assert StreamConfig.from_cfg('student', dict(model=path)).scope == 'mmpretrain'
