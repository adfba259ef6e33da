# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope

from dynkd.models.streams import StreamConfig, export_stream, stream_config
from dynkd.utils import plain_types


def config() -> Config:
    return Config(
        dict(
            default_scope='mmdet',
            model=dict(type='dynkd.Distillation'),
            test_dataloader=dict(batch_size=1, _scope_='mmdet'),
            test_evaluator=dict(type='CocoMetric'),
            test_cfg=dict(type='dynkd.StreamTestLoop'),
            custom_hooks=[dict(type='dynkd.ExactResumeHook')],
            custom_imports=dict(imports=['dynkd']),
        )
    )


def stream(**model) -> StreamConfig:
    model = dict(dict(type='FCOS', backbone=dict(type='ResNet')), **model)
    return StreamConfig.from_cfg('student', dict(model=model, scope='mmdet'))


def test_plain_config_names_nothing_of_ours():
    cfg = config()
    plain = stream_config(stream(), cfg)
    assert plain.default_scope == 'mmdet'
    assert plain.model.type == 'FCOS'
    assert plain.test_cfg.to_dict() == dict(type='TestLoop')
    assert 'val_cfg' not in plain and 'custom_hooks' not in plain
    assert 'dynkd' not in plain.pretty_text and '_scope_' not in plain.pretty_text
    # The run's own config is as it was.
    assert cfg.test_cfg.type == 'dynkd.StreamTestLoop'


def test_run_without_validation():
    """MMEngine wants the three settings of validation all to be None, or none."""
    cfg = config()
    cfg.update(val_dataloader=None, val_cfg=None, val_evaluator=None)
    plain = stream_config(stream(), cfg)
    assert not [key for key in plain if key.startswith('val_')]
    assert plain.test_cfg.type == 'TestLoop'


def test_pretrained_weights_are_not_asked_for_again():
    pretrained = dict(type='Pretrained', checkpoint='torchvision://resnet50')
    own = stream(
        backbone=dict(type='ResNet', init_cfg=pretrained),
        neck=[dict(type='FPN', init_cfg=dict(type='Xavier', layer='Conv2d'))],
    )
    plain = stream_config(own, config())
    assert plain.model.backbone.init_cfg is None
    assert plain.model.neck[0].init_cfg.type == 'Xavier'
    assert own.model.backbone.init_cfg == pretrained


def test_pretrained_by_its_own_argument():
    """As MMSegmentation's models and MMAction2's backbones have it."""
    plain = stream_config(
        stream(pretrained='a.pth', backbone=dict(pretrained='b.pth')), config()
    )
    assert plain.model.pretrained is None and plain.model.backbone.pretrained is None


@pytest.mark.parametrize('named', [True, False])
def test_the_pipeline_by_which_mmsegmentation_predicts(named):
    pipeline = [dict(type='LoadImageFromFile'), dict(type='PackSegInputs')]
    cfg = Config(dict(test_dataloader=dict(dataset=dict(pipeline=pipeline))))
    if named:
        cfg.test_pipeline = pipeline = pipeline[::-1]
    rest = dict(input=None, custom_imports=None)
    own = SimpleNamespace(scope='mmseg', model=dict(type='EncoderDecoder'), **rest)
    assert stream_config(own, cfg).test_pipeline == pipeline
    other = SimpleNamespace(scope='mmdet', model=dict(type='FCOS'), **rest)
    assert 'test_pipeline' not in stream_config(other, cfg)


def test_weights_are_read_without_running_code(tmp_path):
    weight = torch.randn(3, 2, requires_grad=True)
    meta = dict(classes=('cat', 'dog'), palette=torch.zeros(1, 3), n=3)
    out = tmp_path / 'made' / 'student.pth'
    written = export_stream(stream(), dict(weight=weight), config(), out, meta)
    saved = torch.load(out, weights_only=True)
    assert torch.equal(saved['state_dict']['weight'], weight.detach())
    assert not saved['state_dict']['weight'].requires_grad
    assert saved['meta']['stream'] == 'student'
    assert saved['meta']['dataset_meta'] == dict(
        classes=['cat', 'dog'], palette=[[0.0, 0.0, 0.0]], n=3
    )
    assert sorted(p.name for p in out.parent.iterdir()) == ['student.pth', 'student.py']
    assert Config.fromfile(written).model.type == 'FCOS'


@pytest.mark.parametrize(('backbone', 'needed'), [('dynkd.VGG8', True), ('VGG', False)])
def test_imports_what_the_plain_library_lacks(backbone, needed):
    stream = SimpleNamespace(
        scope='mmpretrain',
        model=dict(backbone=dict(type=backbone)),
        input=None,
        custom_imports=None,
    )
    found = stream_config(stream, Config(dict(custom_imports=dict(imports=['other']))))
    assert found.custom_imports.imports == ['other', *(['dynkd'] if needed else [])]


def test_pipeline_is_that_of_the_streams_input():
    pipeline = [dict(type='dynkd.PackModalities', modalities=('rgb', 'flow'))]
    cfg = Config(dict(test_dataloader=dict(dataset=dict(pipeline=pipeline))))
    for name, packs in (
        ('rgb', dict(type='PackActionInputs')),
        ('flow', dict(type='dynkd.PackModalities', modalities='flow')),
    ):
        stream = SimpleNamespace(
            scope='mmaction', model={}, input=name, custom_imports=None
        )
        found = stream_config(stream, cfg).test_dataloader.dataset.pipeline
        assert found == [packs]


def test_what_json_knows():
    metrics = dict(a=1.5, b=torch.tensor(2.0), c=np.float32(0.5), d=[torch.ones(2), 3])
    metrics.update(e=np.eye(2), f=None, g=torch.float32)
    found = plain_types(metrics)
    assert json.loads(json.dumps(found)) == dict(
        a=1.5,
        b=2.0,
        c=0.5,
        d=[[1.0, 1.0], 3],
        e=[[1.0, 0.0], [0.0, 1.0]],
        f=None,
        g='torch.float32',
    )


@pytest.mark.parametrize('kind', ['detr', 'dino'])
def test_models_that_change_their_config_when_they_are_built(kind, tmp_path):
    """DETR's head puts a tensor there, DINO's detector numbers that users must not."""
    path = {
        'detr': 'mmdet::detr/detr_r50_8xb2-150e_coco.py',
        'dino': 'mmdet::dino/dino-4scale_r50_8xb2-12e_coco.py',
    }[kind]
    layers = dict(num_layers=1)
    changes = dict(
        backbone=dict(depth=18, init_cfg=None),
        neck=dict(in_channels=[512] if kind == 'detr' else [128, 256, 512]),
        encoder=layers,
        decoder=layers,
    )
    own = StreamConfig.from_cfg('student', dict(config=path, model=changes))
    model = own.build()
    model.init_weights()  # DINO's `level_embed` is memory as it was found until then.
    weights = model.state_dict()
    out = export_stream(own, weights, config(), tmp_path / 'student.pth')
    plain = Config.fromfile(out)
    assert 'tensor' not in plain.pretty_text
    with DefaultScope.overwrite_default_scope('mmdet'):
        MODELS.build(plain.model).load_state_dict(weights, strict=True)


@pytest.mark.parametrize('given', ['mine', ['mine', 'dynkd']])
def test_what_the_run_imports_is_imported(given):
    """The model may be one of the user's own."""
    cfg = config()
    cfg.custom_imports = dict(imports=given, allow_failed_imports=True)
    plain = stream_config(stream(), cfg)
    assert plain.custom_imports.imports == ['mine']
    ours = stream(neck=dict(type='dynkd.Neck'))
    assert stream_config(ours, cfg).custom_imports.imports == ['mine', 'dynkd']


def test_what_the_config_of_the_stream_imports_is_imported(tmp_path):
    file = tmp_path / 'own.py'
    file.write_text(
        "custom_imports = dict(imports=['json'])\nmodel = dict(type='mmdet.FCOS')\n"
    )
    own = StreamConfig.from_cfg('student', str(file))
    assert stream_config(own, config()).custom_imports.imports == ['json']
    assert stream(neck=None).custom_imports is None


def test_types_of_another_library_keep_its_name():
    inner = dict(type='VGG8', _scope_='dynkd', norm=dict(type='BN'))
    plain = stream_config(stream(backbone=dict(inner, _scope_='dynkd')), config())
    assert plain.model.backbone.type == 'dynkd.VGG8'
    assert plain.model.backbone.norm.type == 'dynkd.BN'
    assert plain.custom_imports.imports == ['dynkd']
    same = stream_config(
        stream(backbone=dict(type='ResNet', _scope_='mmdet')), config()
    )
    assert same.model.backbone.type == 'ResNet'


def test_pretrained_weights_in_lists_are_not_asked_for_again():
    first = dict(type='Pretrained', checkpoint='old.pth')
    other = dict(type='Kaiming', layer='Conv2d')
    own = stream(backbone=dict(type='ResNet', init_cfg=[first, other]))
    assert stream_config(own, config()).model.backbone.init_cfg == [other]


@pytest.mark.parametrize('named', [True, False])
def test_the_pipeline_of_a_wrapped_data_set(named):
    steps = [dict(type='PackSegInputs')]
    cfg = config()
    cfg.default_scope = 'mmseg'
    inner = [dict(type='ADE20KDataset', **({} if named else dict(pipeline=steps)))]
    cfg.test_dataloader.dataset = dict(type='ConcatDataset', datasets=inner)
    if named:
        cfg.test_pipeline = steps
    own = StreamConfig.from_cfg(
        'student', dict(model=dict(type='EncoderDecoder'), scope='mmseg')
    )
    assert stream_config(own, cfg).test_pipeline == steps
    del cfg.test_dataloader.dataset
    cfg.test_dataloader.dataset = dict(type='ADE20KDataset')
    assert ('test_pipeline' in stream_config(own, cfg)) == named
