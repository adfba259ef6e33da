# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What every config must have, seen without building its models at full size."""

import ast
from pathlib import Path

import pytest
from mmengine.hub import get_config

from dynkd.models.taps import Tap

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'


def in_folder(folder: str) -> list[str]:
    """Names of the configs of a folder."""
    files = (CONFIGS / folder).glob('*.py')
    return sorted(f'{folder}/{file.stem}' for file in files)


DKD, EKD, DTSKD = in_folder('dkd'), in_folder('ekd'), in_folder('dtskd')
IAKD, DPK = in_folder('iakd'), in_folder('dpk')
KD, SEVERAL = in_folder('kd'), in_folder('several')
BASELINES = in_folder('baselines')
#: Trained by their plain library, from what a distillation exported.
PLAIN = [
    'dtskd/faster-rcnn_r152_voc0712',
    'dtskd/faster-rcnn_r152_plain_voc0712',
    'ekd/resnet18slim_uccs',
    'dpk/wrn16-2_linear_stl10',
    'dpk/wrn16-2_linear_tiny-imagenet',
]
METHODS = DKD + EKD + DTSKD + IAKD + DPK + KD + SEVERAL
DISTILLATIONS = [name for name in METHODS if name not in PLAIN]
COCO_GFL = 'mmdet::gfl/gfl_r50_fpn_1x_coco.py'
COCO_FCOS = 'mmdet::fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py'


def test_there_are_configs():
    assert len(DKD) > 25
    assert len(EKD) > 30
    assert len(DTSKD) > 30
    assert len(IAKD) > 50
    assert len(DPK) > 50
    assert len(KD) > 10
    assert len(SEVERAL) > 5
    assert len(BASELINES) > 30


@pytest.mark.parametrize('file', sorted(CONFIGS.rglob('*.py')), ids=lambda f: f.stem)
def test_no_config_names_a_scope(file):
    names = {
        node.value
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant)
    }
    assert '_scope_' not in names


@pytest.mark.parametrize('name', DKD)
def test_streams_taps_and_learners_agree(name, read_offline, outline):
    cfg = read_offline(name)
    models = {stream: outline(cfg, stream) for stream in cfg.model.streams}
    frozen = {n for n, own in cfg.model.streams.items() if own.get('frozen', False)}
    trained = set(models) - frozen

    assert set(models) == {'teacher', 'student'}
    assert set(cfg.optim_wrapper.streams) == trained
    assert set(cfg.param_scheduler) == trained
    assert cfg.val_cfg.type == 'dynkd.StreamValLoop'
    assert cfg.test_cfg.type == 'dynkd.StreamTestLoop'
    assert cfg.model.transfers
    for transfer in cfg.model.transfers.values():
        source, target = Tap.parse(transfer.source), Tap.parse(transfer.target)
        if source.stream in cfg.model.get('stores', {}):
            # A store keeps what it is asked for of a tap: `history.student.head`.
            source = Tap.parse(transfer.source.partition('.')[2])
        source.find(models[source.stream])
        target.find(models[target.stream])
        assert target.stream in trained


@pytest.mark.parametrize('name', DISTILLATIONS + BASELINES)
def test_training_can_be_resumed_exactly(name, read):
    cfg = read(name)
    hooks = [hook.type for hook in cfg.custom_hooks]
    assert 'dynkd.ExactResumeHook' in hooks
    assert ('dynkd.ExportHook' in hooks) == (name in DISTILLATIONS)
    assert ('dynkd.RunCheckHook' in hooks) == (name in DISTILLATIONS)
    assert ('dynkd.StoreHook' in hooks) == ('stores' in cfg.model)
    loader = cfg.train_dataloader
    assert loader.persistent_workers is False
    assert loader.worker_init_fn == dict(type='dynkd.seed_worker')
    assert cfg.default_hooks.checkpoint.max_keep_ckpts == 3
    assert 'dynkd' in cfg.custom_imports.imports


@pytest.mark.parametrize('name', DISTILLATIONS)
def test_the_stream_that_is_exported_is_the_one_whose_best_is_kept(name, read):
    cfg = read(name)
    exported = [h.streams for h in cfg.custom_hooks if h.type == 'dynkd.ExportHook']
    best = cfg.default_hooks.checkpoint.save_best.split('/')[0]
    assert exported == [[best]]
    assert best in cfg.model.streams


def test_configs_of_one_name_have_work_dirs_of_their_own(read):
    names = DISTILLATIONS + BASELINES + PLAIN
    found = [read(n).get('work_dir', f'work_dirs/{n.split("/")[1]}') for n in names]
    assert len(set(found)) == len(names)


@pytest.mark.parametrize(
    'name', [n for n in DKD if 'static' in n and 'dynamic' not in n]
)
def test_static_configs_train_only_the_student(name, read):
    model = read(name).model
    assert model.streams.teacher.frozen
    targets = {transfer.target.split('.')[0] for transfer in model.transfers.values()}
    assert targets == {'student'}


@pytest.mark.parametrize('name', [n for n in DKD if 'static' not in n])
def test_dynamic_configs_train_the_teacher(name, read):
    assert not read(name).model.streams.teacher.get('frozen', False)


def test_headline_is_equation_7(read):
    cfg = read('dkd/fcos_r50_r50half_coco')
    transfers = cfg.model.transfers
    ways = {name: (t.source, t.target) for name, t in transfers.items()}
    assert ways == dict(
        loss_emd=('teacher.neck[2]', 'student.neck[2]'),
        loss_kld_student=('teacher.bbox_head[0]', 'student.bbox_head[0]'),
        loss_kld_teacher=('student.bbox_head[0]', 'teacher.bbox_head[0]'),
    )
    # Section IV-C1: the student's parts have similar values, and beta_1 is 0.1 where
    # beta_2 is 0.5.
    shares = dict(loss_emd=1.0, loss_kld_student=1.0, loss_kld_teacher=0.1 / 0.5)
    for name, share in shares.items():
        balanced = dict(type='BalancedWeight', share=share)
        assert transfers[name].loss.loss_weight == balanced
    assert transfers.loss_emd.loss.p == 1
    assert {own.config for own in cfg.model.streams.values()} == {COCO_FCOS}
    for own in cfg.optim_wrapper.streams.values():
        assert own.optimizer == dict(type='Adam', lr=1e-4)
        assert own.clip_grad == dict(max_norm=0.1)
    resize = [t for t in cfg.train_dataloader.dataset.pipeline if t.type == 'Resize']
    assert [t.scale for t in resize] == [(667, 667)]
    monitors = [cfg.param_scheduler[n][0].monitor for n in ('teacher', 'student')]
    assert monitors == ['teacher/coco/bbox_mAP', 'student/coco/bbox_mAP']


SCRIPT = dict(loss_emd=0.01, loss_kld_student=0.1, loss_kld_teacher=0.1)


@pytest.mark.parametrize('name', [n for n in DKD if 'script-weights' in n])
def test_weights_of_the_released_script(name, read):
    cfg, balanced = read(name), read(name.replace('_script-weights', ''))
    transfers = cfg.model.transfers
    assert {own: t.loss.loss_weight for own, t in transfers.items()} == SCRIPT
    for one in (cfg, balanced):
        for transfer in one.model.transfers.values():
            transfer.loss.pop('loss_weight')
    assert cfg.model == balanced.model


@pytest.mark.parametrize('name', [n for n in DKD if n.endswith('_coco')])
def test_no_weight_of_a_detector_on_coco_is_guessed(name, read):
    for transfer in read(name).model.transfers.values():
        weight = transfer.loss.loss_weight
        assert 'script-weights' in name or weight['type'] == 'BalancedWeight'


@pytest.mark.parametrize(
    'parts', ['emd', 'kld', 'mse', 'mse-emd', 'mse-kld', 'mse-emd-kld']
)
def test_combinations_of_table_iv(parts, read):
    transfers = read(f'dkd/fcos_r50_r50half_{parts}_coco').model.transfers
    headline = read('dkd/fcos_r50_r50half_coco').model.transfers
    kinds = {name.split('_')[1] for name in transfers}
    assert kinds == set(parts.split('-'))
    for name in set(transfers) & set(headline):
        assert transfers[name] == headline[name]


@pytest.mark.parametrize(
    'pair',
    [
        'resnet34_resnet18',
        'resnet152_resnet50',
        'resnet34_resnet34half',
        'resnet50_resnet50half',
    ],
)
def test_classification_has_the_papers_hyper_parameters(pair, read):
    cfg = read(f'dkd/{pair}_in1k')
    weights = {name: t.loss.loss_weight for name, t in cfg.model.transfers.items()}
    assert weights == dict(loss_emd=0.0025, loss_kld_student=0.5, loss_kld_teacher=0.1)
    sgd = dict(type='SGD', momentum=0.9, weight_decay=1e-4)
    streams = cfg.optim_wrapper.streams
    assert streams.teacher.optimizer == dict(lr=1e-5, **sgd)
    assert streams.student.optimizer == dict(lr=0.1, **sgd)
    assert cfg.model.streams.teacher.checkpoint.startswith('https://')
    assert cfg.model.streams.student.get('checkpoint') is None


def test_nothing_of_a_detector_from_scratch_comes_from_weights(read, resolve):
    """Without a checkpoint alone, its backbone would have ImageNet weights, frozen."""
    cfg = read('dkd/fcos_r50_r50half_from-scratch_coco')
    headline = read('dkd/fcos_r50_r50half_coco')
    assert cfg.model.transfers == headline.model.transfers
    teacher = resolve(cfg, 'teacher')
    alone = read('baselines/fcos_r50_from-scratch_coco').model
    assert teacher.checkpoint is None
    for model in (teacher.model, alone):
        assert 'Pretrained' not in str(model)
        assert model.backbone.frozen_stages == -1
        assert model.backbone.norm_cfg.requires_grad and not model.backbone.norm_eval
        assert model.backbone.depth == 50


@pytest.mark.parametrize(
    'name, data, epochs',
    [('fcos_r50_coco', 'dkd/fcos_r50_r50half_coco', 30)],
)
def test_the_raw_teacher_of_table_iv_is_trained_as_its_student(
    name, data, epochs, read
):
    cfg, theirs = read(f'baselines/{name}'), read(data)
    assert cfg.train_dataloader == theirs.train_dataloader
    assert cfg.val_dataloader == theirs.val_dataloader
    assert cfg.optim_wrapper.optimizer == dict(type='Adam', lr=1e-4)
    assert cfg.train_cfg.max_epochs == epochs
    assert cfg.model == get_config(COCO_FCOS).model


def test_resnet18_from_scratch_is_trained_as_the_student_of_table_i(read):
    cfg, theirs = read('baselines/resnet18_in1k'), read('dkd/resnet34_resnet18_in1k')
    assert cfg.train_dataloader == theirs.train_dataloader
    student = theirs.optim_wrapper.streams.student
    cfg.optim_wrapper.optimizer.pop('_scope_', None)
    assert cfg.optim_wrapper.optimizer == student.optimizer
    steps = theirs.param_scheduler['student'][0]
    assert cfg.param_scheduler.milestones == steps.milestones
    assert cfg.train_cfg.max_epochs == theirs.train_cfg.max_epochs
    assert cfg.model.backbone.depth == 18


def test_mmd_takes_the_place_of_emd(read):
    transfers = read('dkd/fcos_r50_r50half_mmd-kld_coco').model.transfers
    theirs = read('dkd/fcos_r50_r50half_coco').model.transfers
    mmd, emd = transfers.pop('loss_mmd'), theirs.pop('loss_emd')
    assert mmd.loss.type == 'MMDLoss' and mmd.loss.layout == emd.loss.layout
    assert (mmd.source, mmd.target) == (emd.source, emd.target)
    assert transfers == theirs


@pytest.mark.parametrize(
    'piece, theirs', [('fcos_r50', COCO_FCOS), ('gfl_r50', COCO_GFL)]
)
def test_pieces_of_detectors_are_mmdetections(piece, theirs, read):
    assert read(f'_base_/models/{piece}').model == get_config(theirs).model


@pytest.mark.parametrize('name', DISTILLATIONS)
def test_no_plateau_counts_the_rest_of_its_stream(name, read):
    cfg = read(name)
    phases = cfg.model.get('phases') or []
    for phase, then in zip(phases, phases[1:]):
        for stream in phase.get('frozen', []):
            for scheduler in cfg.param_scheduler[stream]:
                assert 'monitor' not in scheduler or scheduler.begin >= then.begin
