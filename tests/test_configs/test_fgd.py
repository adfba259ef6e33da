# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The configs of FGD, and of DPK inside it, say what appendix A.2 of DPK says."""

import pytest
from mmengine.model import BaseModel
from mmengine.registry import MODELS, DefaultScope

from dynkd.models.algorithms import Distillation
from dynkd.models.methods.fgd import FGDLoss

#: FGD's own weights and temperature, by its released configs.
RELEASED = {
    'retinanet': (1e-3, 5e-4, 5e-4, 5e-6, 0.5),
    'fcos': (1.6e-3, 8e-4, 8e-4, 8e-6, 0.8),
    'faster-rcnn': (5e-5, 2.5e-5, 5e-5, 5e-7, 0.5),
}
#: w_f and w_b of DPK.
PAPER = {
    'retinanet': (2e-3, 5e-4),
    'fcos': (2e-3, 5e-4),
    'faster-rcnn': (5e-5, 2.5e-5),
}
TEACHERS = [
    'retinanet_r101',
    'retinanet_r152',
    'faster-rcnn_r101',
    'faster-rcnn_r152',
    'fcos_r101',
]
COCO = [f'{teacher}_r50_coco' for teacher in TEACHERS]
SMALL = [
    'retinanet_r18_r18half_digits',
    'faster-rcnn_r18_r18half_digits',
    'fcos_r18_r18half_bccd',
]
FIELDS = ('foreground', 'background', 'attention', 'relation')


@pytest.mark.parametrize('name', COCO)
def test_fgd_has_its_own_weights(name, read):
    loss = read(f'dpk/fgd_{name}').model.transfers.loss_fgd.loss
    found = tuple(loss[field] for field in (*FIELDS, 'temperature'))
    assert found == RELEASED[name.split('_')[0]]


@pytest.mark.parametrize('name', COCO + SMALL)
def test_dpk_takes_over_foreground_and_background_alone(name, read):
    alone, both = (read(f'dpk/{kind}_{name}') for kind in ('fgd', 'dpk-fgd'))
    dpk = both.model.transfers.pop('loss_dpk')
    before = alone.model.transfers.loss_fgd
    rest = both.model.transfers.loss_fgd
    assert (rest.loss.foreground, rest.loss.background) == (0.0, 0.0)
    for field in ('foreground', 'background'):
        rest.loss[field] = before.loss[field]
    assert both.model == alone.model
    for key in ('optim_wrapper', 'param_scheduler', 'train_cfg', 'train_dataloader'):
        assert both[key] == alone[key]

    assert (dpk.source, dpk.target) == (rest.source, rest.target)
    assert dpk.loss.temperature == rest.loss.temperature
    assert set(dpk.loss) == {'type', 'foreground', 'background', 'temperature'}
    assert dpk.connector.ratio.samples == 'positions'
    assert dpk.connector.num_levels == rest.loss.num_levels
    assert dpk.connector.teacher_channels == rest.loss.channels
    if name in COCO:
        weights = dpk.loss.foreground, dpk.loss.background
        assert weights == PAPER[name.split('_')[0]]
        assert (dpk.connector.encoder_depth, dpk.connector.decoder_depth) == (6, 4)


@pytest.mark.parametrize('name', COCO)
def test_recipe_is_appendix_a2(name, read):
    cfg = read(f'dpk/fgd_{name}')
    lr = 0.02 if 'faster' in name else 0.01
    sgd = dict(type='SGD', lr=lr, momentum=0.9, weight_decay=1e-4)
    assert cfg.optim_wrapper.optimizer == sgd
    assert cfg.train_cfg.max_epochs == 24
    assert cfg.param_scheduler[-1].milestones == [16, 22]


@pytest.mark.parametrize('name', COCO)
def test_students_necks_and_heads_start_from_the_teachers(name, read, outline):
    cfg = read(f'dpk/fgd_{name}')
    checkpoint = cfg.model.streams.teacher.pop('checkpoint')
    teacher, student = (outline(cfg, stream) for stream in ('teacher', 'student'))
    found = []
    for part, module in student.named_modules():
        start = getattr(module, 'init_cfg', None)
        if not isinstance(start, dict) or 'prefix' not in start:
            continue
        found.append(part)
        assert start['prefix'] == f'{part}.'
        assert start['checkpoint'] == checkpoint
        own = {key: value.shape for key, value in module.state_dict().items()}
        given = teacher.get_submodule(part).state_dict()
        assert given
        assert {key: value.shape for key, value in given.items()}.items() <= own.items()
    two_stage = ['neck', 'rpn_head', 'roi_head.bbox_head']
    assert found == (two_stage if 'faster' in name else ['neck', 'bbox_head'])


@pytest.mark.parametrize('kind', ['retinanet', 'faster-rcnn'])
def test_resnet152_is_trained_alone_before(kind, read, resolve):
    cfg = read(f'dpk/fgd_{kind}_r152_r50_coco')
    alone = read(f'baselines/{kind}_r152_coco')
    checkpoint = cfg.model.streams.teacher.pop('checkpoint')
    assert resolve(cfg, 'teacher').model.backbone == alone.model.backbone
    assert alone.model.backbone.depth == 152
    for key in ('optim_wrapper', 'param_scheduler', 'train_cfg', 'train_dataloader'):
        assert alone[key] == cfg[key]
    epochs = alone.train_cfg.max_epochs
    assert checkpoint == f'work_dirs/{kind}_r152_coco/epoch_{epochs}.pth'


@pytest.mark.parametrize('name', SMALL)
@pytest.mark.parametrize('stream', ['teacher', 'student'])
def test_small_detectors_are_their_baselines(name, stream, read, resolve):
    cfg = read(f'dpk/fgd_{name}')
    detector, big, half, data = name.split('_')
    baseline = f'{detector}_{big if stream == "teacher" else half}_{data}'
    alone = read(f'baselines/{baseline}')
    checkpoint = cfg.model.streams.teacher.pop('checkpoint')
    alone.model.pop('_scope_', None)
    assert resolve(cfg, stream).model == alone.model
    for key in ('optim_wrapper', 'param_scheduler', 'train_cfg', 'train_dataloader'):
        assert alone[key] == cfg[key]
    if stream == 'teacher':
        assert cfg.model.streams.teacher.frozen
        epochs = alone.train_cfg.max_epochs
        assert checkpoint == f'work_dirs/{baseline}/epoch_{epochs}.pth'


@pytest.mark.parametrize('name', SMALL)
@pytest.mark.parametrize('kind', ['fgd', 'dpk-fgd'])
def test_small_distillations_build(name, kind, read_offline):
    cfg = read_offline(f'dpk/{kind}_{name}')
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        model: BaseModel = MODELS.build(cfg.model)
    assert isinstance(model, Distillation)
    assert list(model.streams) == ['student']
    assert {type(t.loss) for t in model.transfers.values()} == {FGDLoss}
    assert len(model.transfers) == (1 if kind == 'fgd' else 2)
