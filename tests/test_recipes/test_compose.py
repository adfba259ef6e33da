# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""One call makes a distillation of two plain configs."""

from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope

from dynkd.recipes import METHODS, compose, distill, table, write
from dynkd.recipes.compose import _check_inputs
from dynkd.recipes.source import Source
from dynkd.registry import MODELS


def built(composed, folder: Path):
    """The distillation of a composed config, read from its file."""
    cfg = Config.fromfile(write(composed, folder / 'made.py'))
    init_default_scope(cfg.default_scope)
    return cfg, MODELS.build(cfg.model)


def of(pair: tuple[str, str], method: str, folder: Path, **options):
    """A distillation of two plain configs."""
    teacher = None if method == 'dtskd' else pair[1]
    return compose(pair[0], teacher, method, folder=str(folder), **options)


@pytest.mark.parametrize('method', ['kd', 'dkd', 'fgd', 'dpk'])
def test_of_detectors(detectors, method, tmp_path):
    composed = of(detectors, method, tmp_path)
    cfg, model = built(composed, tmp_path)
    assert model.stream('teacher').cfg.frozen is (method != 'dkd')
    assert set(model.transfers) == set(composed.recipe.transfers)
    assert cfg.default_hooks.checkpoint.save_best == 'student/coco/bbox_mAP'
    # What the user's config says stays.
    assert cfg.train_cfg.max_epochs == 2
    assert cfg.default_hooks.checkpoint.interval == 1


@pytest.mark.parametrize('method', ['kd', 'dkd', 'ekd', 'dpk', 'dtskd'])
def test_of_classifiers(classifiers, method, tmp_path):
    _, model = built(of(classifiers, method, tmp_path), tmp_path)
    assert model.transfers


@pytest.mark.parametrize('method', ['kd', 'dkd'])
def test_of_segmentors(segmentors, method, tmp_path):
    composed = of(segmentors, method, tmp_path)
    cfg, model = built(composed, tmp_path)
    assert cfg.default_hooks.checkpoint.save_best == 'student/mIoU'
    transfer = model.transfers['loss_kld_student']
    assert str(transfer) == 'teacher.decode_head -> student.decode_head'
    assert transfer.loss.activation == 'softmax' and transfer.connector is None
    assert ('loss_emd' in model.transfers) is (method == 'dkd')
    if method == 'dkd':
        emd = model.transfers['loss_emd']
        assert str(emd) == 'teacher.backbone[3] -> student.backbone[3]'
        assert emd.loss.layout == 'spatial'
    assert 'a segmentor' in table(composed)


def test_segmentors_of_unequal_strides(project, segmentor, segmentors, tmp_path):
    fine = segmentor(width=16)
    fine['backbone'].update(strides=(1, 1, 1, 1))
    composed = of((segmentors[0], project('fine', fine, 'mmseg')), 'dkd', tmp_path)
    _, model = built(composed, tmp_path)
    assert set(model.transfers) == {'loss_kld_student', 'loss_kld_teacher'}
    for transfer in model.transfers.values():
        assert type(transfer.connector).__name__ == 'ResolutionAligner'
    assert 'EMD: their features lie on different grids' in composed.recipe.left_out


def test_a_segmentor_whose_head_is_a_cascade(project, segmentor, segmentors, tmp_path):
    first = segmentor()['decode_head']
    second = dict(first, type='OCRHead', channels=8, ocr_channels=4)
    second.pop('num_convs')
    cascade = segmentor(
        type='mmseg.CascadeEncoderDecoder',
        num_stages=2,
        decode_head=[first, second],
        auxiliary_head=None,
    )
    pair = (segmentors[0], project('cascade', cascade, 'mmseg'))
    composed = of(pair, 'dkd', tmp_path)
    assert set(composed.recipe.transfers) == {'loss_emd'}
    assert 'teacher: its head, a cascade, does not return a map' in str(
        composed.recipe.left_out
    )
    with pytest.raises(ValueError, match='method `dpk` has no transfer .* segmentor'):
        of(segmentors, 'dpk', tmp_path)


def test_blocks_change_places(project, classifier, tmp_path):
    pair = [
        project(name, classifier(width=8), 'mmpretrain') for name in ('own', 'other')
    ]
    cfg, model = built(of(pair, 'iakd', tmp_path), tmp_path)
    assert type(model).__name__ == 'InteractiveDistillation'
    assert cfg.find_unused_parameters
    assert 'dynkd.LearningRateHook' in [hook.type for hook in cfg.custom_hooks]


def test_unequal_channels_get_a_connector(detectors, tmp_path):
    composed = of(detectors, 'dkd', tmp_path)
    connector = composed.recipe.transfers['loss_emd']['target_connector']
    assert connector == dict(
        type='ChannelAligner', in_channels=16, out_channels=24, dims=2
    )
    assert 'added: ChannelAligner' in table(composed)


@pytest.mark.parametrize('checkpoint, lr', [('teacher.pth', 0.002), (None, 0.02)])
def test_a_trained_teacher_learns_at_a_tenth(detectors, tmp_path, checkpoint, lr):
    composed = of(detectors, 'dkd', tmp_path, teacher_checkpoint=checkpoint)
    cfg = Config.fromfile(write(composed, tmp_path / 'made.py'))
    assert cfg.optim_wrapper.constructor == 'dynkd.StreamOptimWrapperConstructor'
    assert cfg.optim_wrapper.optimizer.lr == 0.02
    streams = cfg.optim_wrapper.get('streams', {})
    own = streams.get('teacher', {}).get('optimizer', cfg.optim_wrapper.optimizer)
    assert own.lr == lr


@pytest.mark.parametrize('checkpoint', ['teacher.pth', None])
def test_untrained_classifiers_do_not_learn_to_agree(classifiers, tmp_path, checkpoint):
    composed = of(classifiers, 'dkd', tmp_path, teacher_checkpoint=checkpoint)
    for name in ('loss_kld_student', 'loss_kld_teacher'):
        weight = composed.recipe.transfers[name]['loss']['loss_weight']
        assert (weight == 1.0) == (checkpoint is None)
        assert ('untrained' in composed.recipe.reasons[name]) == (checkpoint is None)


def test_a_constructor_of_the_base_serves_each_stream(project, fcos, tmp_path):
    wrapper = dict(
        type='OptimWrapper',
        optimizer=dict(type='SGD', lr=0.02),
        constructor='LearningRateDecayOptimizerConstructor',
    )
    student = project('student', fcos(), 'mmdet')
    cfg = Config.fromfile(student)
    cfg.optim_wrapper = wrapper
    cfg.dump(student)
    made = Config.fromfile(
        write(of((student, student), 'dkd', tmp_path), tmp_path / 'made.py')
    )
    for name in ('teacher', 'student'):
        own = made.optim_wrapper.streams[name]
        assert own.constructor == 'LearningRateDecayOptimizerConstructor'


def test_a_new_teacher_takes_the_classes(project, fcos, tmp_path):
    pair = (
        project('own', fcos(num_classes=3), 'mmdet'),
        project('other', fcos(num_classes=7), 'mmdet'),
    )
    composed = of(pair, 'kd', tmp_path)
    _, model = built(composed, tmp_path)
    assert model.stream('teacher').model.bbox_head.num_classes == 3
    assert any('in place of 7' in note for note in composed.notes)


def test_a_trained_teacher_keeps_its_classes(project, fcos, tmp_path):
    pair = (
        project('own', fcos(num_classes=3), 'mmdet'),
        project('other', fcos(num_classes=7), 'mmdet'),
    )
    composed = of(pair, 'dkd', tmp_path, teacher_checkpoint='teacher.pth')
    assert set(composed.recipe.transfers) == {'loss_emd'}
    assert 'the student has 3 classes, the teacher 7' in composed.recipe.left_out[0]


def test_hooks_of_the_base_stay(project, fcos, tmp_path):
    hooks = [dict(type='EMAHook'), dict(type='YOLOXModeSwitchHook')]
    student = project('own', fcos(), 'mmdet', custom_hooks=hooks)
    made = Config.fromfile(
        write(of((student, student), 'kd', tmp_path), tmp_path / 'made.py')
    )
    assert made.custom_hooks[0] == dict(type='EMAHook')
    # It reaches into the model.
    assert made.custom_hooks[1].type == 'dynkd.StreamHook'
    assert made.custom_hooks[1].hook == dict(type='YOLOXModeSwitchHook')


def test_hooks_that_the_base_has_are_not_added_again(project, fcos, tmp_path):
    hooks = [dict(type='dynkd.ExactResumeHook'), dict(type='dynkd.ExportHook')]
    student = project('own', fcos(), 'mmdet', custom_hooks=hooks)
    made = Config.fromfile(
        write(of((student, student), 'kd', tmp_path), tmp_path / 'made.py')
    )
    kinds = [hook.type for hook in made.custom_hooks]
    assert len(kinds) == len(set(kinds)) and made.custom_hooks[1] == hooks[1]


def test_the_base_is_found_from_another_folder(detectors, tmp_path):
    folder = tmp_path / 'runs' / 'deep'
    composed = compose(*detectors, 'kd', folder=str(folder))
    assert "_base_ = '../../small.py'" in composed.text
    assert Config.fromfile(write(composed, folder / 'made.py')).model.streams


def test_python_returns_the_config(detectors, tmp_path):
    cfg = distill(
        *detectors,
        'kd',
        work_dir=str(tmp_path / 'work'),
        options={'train_cfg.max_epochs': 5},
    )
    assert cfg.model.type == 'dynkd.Distillation'
    assert cfg.train_cfg.max_epochs == 5
    assert (tmp_path / 'work' / 'small_kd.py').is_file()


@pytest.mark.parametrize(
    ('method', 'fault'),
    [
        ('none', 'there is no method `none`. Methods: dkd, kd'),
        ('ekd', 'EKD is for classifiers'),
        ('iakd', 'IAKD is for classifiers'),
        ('dtskd', 'has no teacher: leave --teacher out'),
    ],
)
def test_what_does_not_fit_is_refused(detectors, method, fault):
    with pytest.raises(ValueError, match=fault):
        compose(*detectors, method)


def test_fgd_is_for_detectors(classifiers):
    with pytest.raises(ValueError, match='FGD is for detectors'):
        compose(*classifiers, 'fgd')


def test_a_teacher_is_needed(detectors):
    with pytest.raises(ValueError, match='needs a teacher: name its config'):
        compose(detectors[0], method='kd')


def test_a_distillation_is_not_a_student(detectors, tmp_path):
    made = write(compose(*detectors, 'kd', folder=str(tmp_path)), tmp_path / 'made.py')
    with pytest.raises(ValueError, match='is a distillation already'):
        compose(str(made), detectors[1])


def test_a_network_on_frames_does_not_teach_one_on_clips(project, classifier):
    def recognizer(name: str, layout: str) -> str:
        steps = [
            dict(type='SampleFrames', clip_len=4, num_clips=1),
            dict(type='FormatShape', input_format=layout),
        ]
        data = dict(dataset=dict(type='VideoDataset', pipeline=steps))
        path = project(name, classifier(), 'mmpretrain', train_dataloader=data)
        text = Path(path).read_text().replace("'mmpretrain'", "'mmaction'", 1)
        Path(path).write_text(text)
        return path

    own, other = recognizer('clips', 'NCTHW'), recognizer('frames', 'NCHW')
    sources = [Source.read(path, 'student') for path in (own, other)]
    with pytest.raises(ValueError, match='a 2-D network on frames'):
        _check_inputs(*sources)
    _check_inputs(sources[0], sources[0])


def test_a_missing_config_is_named():
    with pytest.raises(FileNotFoundError, match='no config `none.py` of the student'):
        compose('none.py', 'none.py')


def test_each_method_is_an_option_of_the_tool():
    tool = Path(__file__).parents[2] / 'tools' / 'distill.py'
    for method in METHODS:
        assert f"'{method}'" in tool.read_text()


@pytest.mark.parametrize('rule', ['less', None])
def test_the_rule_of_the_base_stays(project, classifier, tmp_path, rule):
    student = project('own', classifier(), 'mmpretrain')
    cfg = Config.fromfile(student)
    cfg.default_hooks.checkpoint.update(save_best='loss/error', rule=rule)
    cfg.dump(student)
    made = Config.fromfile(
        write(of((student, student), 'kd', tmp_path), tmp_path / 'made.py')
    )
    hook = made.default_hooks.checkpoint
    assert (hook.save_best, hook.get('rule')) == ('student/loss/error', rule)


def test_both_streams_of_ekd_have_the_constructor_of_the_base(
    project, classifier, tmp_path
):
    student = project('own', classifier(), 'mmpretrain')
    cfg = Config.fromfile(student)
    cfg.optim_wrapper.constructor = 'LearningRateDecayOptimWrapperConstructor'
    cfg.dump(student)
    made = Config.fromfile(
        write(of((student, student), 'ekd', tmp_path), tmp_path / 'made.py')
    )
    assert set(made.optim_wrapper.streams) == {'teacher', 'student'}
