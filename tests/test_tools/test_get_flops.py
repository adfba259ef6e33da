# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Parameters and operations of streams, counted against those done by hand."""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

MODEL = """
student = dict(
    type='ImageClassifier',
    backbone=dict(
        type='dynkd.WideResNet_CIFAR', depth=10, init_cfg=dict(
            type='Pretrained', checkpoint='/there/is/none.pth'
        )
    ),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='LinearClsHead', num_classes=5, in_channels=64),
)
"""
DISTILLATION = (
    MODEL
    + """
default_scope = 'mmpretrain'
custom_imports = dict(imports=['dynkd'])
data_preprocessor = dict(num_classes=5)
model = dict(
    type='dynkd.Distillation',
    streams=dict(
        teacher=dict(
            model=student,
            frozen=True,
            checkpoint='none.pth',
            input_shape=(3, 32, 32),
        ),
        student=dict(
            model=student,
            input_shape=(3, 32, 32),
            branches=dict(
                module=dict(type='GuidedModule', out_channels=16), loss_weight=1.0
            ),
        ),
    ),
    transfers=dict(
        loss_feature=dict(
            source='teacher.backbone[0]',
            target='student.backbone[0]',
            target_connector=dict(
                type='ChannelAligner', in_channels=64, out_channels=64
            ),
            loss=dict(type='FeatureLoss'),
        ),
        loss_kd=dict(
            source='teacher.head', target='student.head', loss=dict(type='KLDLoss')
        ),
    ),
)
"""
)


@pytest.fixture(scope='module')
def tool(import_tool):
    return import_tool('analysis_tools/get_flops')


@pytest.fixture
def config(tmp_path):
    path = tmp_path / 'distillation.py'
    path.write_text(DISTILLATION)
    return str(path)


def test_streams_branches_and_connectors_are_counted(tool, config, tmp_path, capsys):
    out = tmp_path / 'found' / 'sizes.json'
    assert tool.main([config, '--shape', '3', '32', '32', '--out', str(out)]) == 0
    found = json.loads(out.read_text())
    student = found['streams']['student']
    # Of WRN-10-1: the stem, three blocks, the last norm layer, the head.
    blocks = (
        (16 + 16 * 16 * 9 + 16 + 16 * 16 * 9 + 16 + 16)
        + (2 * 16 + 16 * 32 * 9 + 2 * 32 + 32 * 32 * 9 + 16 * 32)
        + (2 * 32 + 32 * 64 * 9 + 2 * 64 + 64 * 64 * 9 + 32 * 64)
    )
    assert student['parameters'] == 3 * 16 * 9 + blocks + 2 * 64 + 64 * 5 + 5
    assert student == found['streams']['teacher']
    convolutions = (
        (3 * 16 + 2 * 16 * 16) * 9 * 32**2
        + (16 * 32 + 32 * 32) * 9 * 16**2
        + 16 * 32 * 16**2
        + (32 * 64 + 64 * 64) * 9 * 8**2
        + 32 * 64 * 8**2
    )
    operations = student['operations']
    assert convolutions < operations < 1.03 * convolutions
    assert found['training']['loss_feature'] == 64 * 64 + 64
    assert set(found['training']) == {'branches of student', 'loss_feature'}
    printed = capsys.readouterr().out.splitlines()
    assert any(own.split()[:1] == ['teacher'] and '3x32x32' in own for own in printed)
    assert any(own.startswith('branches of student') for own in printed)


def test_a_plain_model_is_counted(tool, tmp_path):
    path = tmp_path / 'plain.py'
    path.write_text(
        MODEL
        + "default_scope = 'mmpretrain'\ncustom_imports = dict(imports=['dynkd'])\n"
        + 'model = student\n'
    )
    found = tool.count(tool.parse_args([str(path), '--shape', '3', '16', '16']))
    assert list(found['streams']) == ['model'] and found['training'] == {}
    assert found['streams']['model']['shape'] == [3, 16, 16]


def test_a_quarter_of_the_positions_is_a_quarter_of_the_operations(tool, config):
    def operations(side):
        arguments = [config, '--stream', 'student', '--shape', '3', side, side]
        found = tool.count(tool.parse_args(arguments))
        assert list(found['streams']) == ['student']
        return found['streams']['student']['operations']

    assert operations('32') / operations('16') == pytest.approx(4, rel=0.001)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--stream', 'assistant'], 'no stream `assistant`: teacher, student'),
        (
            ['--shape', '4', '32', '32'],
            r'`teacher` cannot run on an input of shape \(4',
        ),
    ],
)
def test_what_cannot_be_counted(arguments, message, tool, config):
    with pytest.raises(SystemExit, match=message):
        tool.main([config, *arguments])


def test_a_two_stage_detector_and_a_recognizer_run_to_their_heads(tool):
    for config, shape, head in (
        ('baselines/faster-rcnn_r18half_digits', '3 64 64', 1.0),
        ('baselines/resnext3d18_flow_moving-digits', '1 2 8 32 32', 0.0),
    ):
        path = str(ROOT / 'configs' / f'{config}.py')
        found = tool.count(tool.parse_args([path, '--shape', *shape.split()]))
        assert found['streams']['model']['operations'] > head * 1e6


def test_streams_that_are_named_by_their_files(tool, tmp_path):
    (tmp_path / 'plain.py').write_text(
        MODEL + "default_scope = 'mmpretrain'\nmodel = student\n"
    )
    streams = {name: str(tmp_path / 'plain.py') for name in ('teacher', 'student')}
    text = f"model = dict(type='dynkd.Distillation', streams={streams})"
    (tmp_path / 'both.py').write_text(text)
    words = [str(tmp_path / 'both.py'), '--shape', '3', '16', '16']
    found = tool.count(tool.parse_args(words))
    assert list(found['streams']) == ['teacher', 'student']


def test_a_missing_config_is_named(tool, tmp_path):
    with pytest.raises(SystemExit, match='There is no config file'):
        tool.main([str(tmp_path / 'nope.py')])
