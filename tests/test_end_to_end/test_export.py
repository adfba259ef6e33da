# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Exported streams in plain MMDetection and MMPretrain, in a process without DynKD."""

import importlib
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import CheckpointLoader

from dynkd.registry import MODELS

HERE = Path(__file__).resolve().parent


def images_of(data: Path, folder: str) -> list[Path]:
    return sorted((data / folder).rglob('*.png'))[:3]


def distilled(work_dir: Path, last: str, stream: str, images: list[Path]) -> list[dict]:
    """What a stream predicts inside of the distillation, from the run's checkpoint."""
    (config,) = (
        p for p in work_dir.glob('*.py') if p.stem in ('fcos_pair', 'resnet_phases')
    )
    cfg = Config.fromfile(config)
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        if 'data_preprocessor' in cfg:
            cfg.model.data_preprocessor = cfg.data_preprocessor
        model = MODELS.build(cfg.model).eval()
        state = CheckpointLoader.load_checkpoint(str(work_dir / last))['state_dict']
        model.load_state_dict(state, strict=True)
        # The process without DynKD predicts with the same function.
        return importlib.import_module('predictions').predict(
            lambda batch: model.predict_streams(batch, [stream])[stream],
            cfg.test_pipeline,
            images,
        )


def assert_bit_equal(a: list[dict], b: list[dict]) -> None:
    assert len(a) == len(b)
    for one, other in zip(a, b):
        assert one.keys() == other.keys() and one
        for key, value in one.items():
            if isinstance(value, dict):
                assert_bit_equal([value], [other[key]])
            else:
                assert torch.equal(torch.as_tensor(value), torch.as_tensor(other[key]))


@pytest.fixture(scope='module')
def exported(run, tools, configs, detection_run, classification_run, tmp_path_factory):
    """A checkpoint beside its config of each kind, by hook and by tool."""
    folder = tmp_path_factory.mktemp('exported')
    run(
        tools / 'model_converters' / 'export_stream.py',
        configs / 'fcos_pair.py',
        detection_run / 'epoch_4.pth',
        folder / 'teacher.pth',
        '--stream',
        'teacher',
    )
    return dict(
        detection_student=detection_run / 'student.pth',
        detection_teacher=folder / 'teacher.pth',
        classification_student=classification_run / 'student.pth',
        classification_teacher=classification_run / 'teacher.pth',
    )


@pytest.mark.parametrize('stream', ['student', 'teacher'])
@pytest.mark.parametrize(
    'task, folder, last',
    [('detection', 'val', 'epoch_4.pth'), ('classification', 'cls_val', 'epoch_2.pth')],
)
def test_plain_library_predicts_bit_for_bit_the_same(
    request, monkeypatch, run, data, exported, tmp_path, task, folder, last, stream
):
    # The config imports the hook `killer`.
    monkeypatch.syspath_prepend(HERE)
    checkpoint, out = exported[f'{task}_{stream}'], tmp_path / 'predictions.pth'
    images = images_of(data, folder)
    run(
        HERE / 'predict_plainly.py',
        checkpoint.with_suffix('.py'),
        checkpoint,
        out,
        *images,
    )
    plain = torch.load(out, weights_only=True)
    own = distilled(request.getfixturevalue(f'{task}_run'), last, stream, images)
    assert_bit_equal(own, plain['strict'])
    assert_bit_equal(own, plain['usual'])
    found = [p.get('pred_instances', p.get('pred_score')) for p in own]
    assert all(len(item) for item in found)


def test_export_is_data_and_names_nothing_of_dynkd(exported):
    for checkpoint in exported.values():
        content = torch.load(checkpoint, weights_only=True)
        assert set(content) == {'meta', 'state_dict'}
        assert not any('streams.' in key for key in content['state_dict'])
        assert 'dynkd' not in checkpoint.with_suffix('.py').read_text()
        classes = content['meta']['dataset_meta']['classes']
        assert sorted(classes) == ['square', 'tall', 'wide']


def test_stream_that_is_not_saved_cannot_be_exported(
    run, tools, configs, detection_run, tmp_path
):
    refused = run(
        tools / 'model_converters' / 'export_stream.py',
        configs / 'fcos_pair.py',
        detection_run / 'epoch_4.pth',
        tmp_path / 'assistant.pth',
        '--stream',
        'assistant',
        status=1,
    )
    assert 'holds no stream `assistant`' in refused.stderr
    assert not (tmp_path / 'assistant.pth').exists()
