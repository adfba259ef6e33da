# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Calibration: the ECE against a slow transcription, and what the figure is of."""

import json
import math

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope

IMAGES, CLASSES = 70, 3


@pytest.fixture(scope='module')
def tool(import_tool):
    return import_tool('analysis_tools/calibration')


@pytest.fixture(scope='module')
def files(write_classifiers, tmp_path_factory):
    """Two models with checkpoints, and more images than a batch has."""
    folder = tmp_path_factory.mktemp('calibration')
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (IMAGES, 32, 32, 3), np.uint8)
    write_classifiers(folder, images, [index % CLASSES for index in range(IMAGES)])
    return folder


@pytest.fixture
def call(tool, files, tmp_path):
    """Run the tool, and read what it wrote."""

    def run(*options):
        out = tmp_path / 'new' / 'figure.png'
        assert tool.main([str(files / 'wide.py'), *options, '--out', str(out)]) == 0
        return cv2.imread(str(out)), json.loads(out.with_suffix('.json').read_text())

    return run


def model(files, name):
    return ['--model', name, str(files / f'{name}.py'), str(files / f'{name}.pth')]


def slow_ece(probabilities, labels, bins):
    """Eqs. 1 to 3 of Guo et al. (2017), image by image in Python's floats."""
    held = {m: [] for m in range(1, bins + 1)}
    for row, label in zip(probabilities.tolist(), labels.tolist()):
        confidence = max(row)
        (m,) = (m for m in held if (m - 1) / bins < confidence <= m / bins)
        held[m].append((row.index(confidence) == label, confidence))
    total = 0.0
    for own in held.values():
        if own:
            accuracy = math.fsum(right for right, _ in own) / len(own)
            mean = math.fsum(confidence for _, confidence in own) / len(own)
            total += len(own) / len(labels) * abs(accuracy - mean)
    return total


@pytest.mark.parametrize('bins', [1, 7, 15])
@pytest.mark.parametrize('sharpness', [0.5, 5.0])
def test_the_ece_is_that_of_the_paper(tool, bins, sharpness):
    rng = np.random.default_rng(bins)
    scores = np.exp(sharpness * rng.normal(size=(400, 4)))
    probabilities = scores / scores.sum(1, keepdims=True)
    labels = rng.integers(0, 4, 400)
    found = tool.calibration(probabilities, labels, bins)
    assert found['ece'] == pytest.approx(slow_ece(probabilities, labels, bins))
    assert found['ece'] > 0.05
    assert sum(own['images'] for own in found['bins']) == 400
    assert found['accuracy'] == (probabilities.argmax(1) == labels).mean()


def test_who_is_as_sure_as_right_is_calibrated(tool):
    """80 of 100 right, sure by 80 %: the upper edge of a bin, which belongs to it."""
    probabilities = np.tile([0.8, 0.2], (100, 1))
    labels = np.array([0] * 80 + [1] * 20)
    found = tool.calibration(probabilities, labels, 5)
    assert found['ece'] == pytest.approx(0, abs=1e-12)
    assert [own['images'] for own in found['bins']] == [0, 0, 0, 100, 0]
    assert found['bins'][3]['high'] == 0.8
    assert found['bins'][0]['accuracy'] is None
    # Sure of all of them, it is too sure by 20 %.
    sure = tool.calibration(np.tile([1.0, 0.0], (100, 1)), labels, 5)
    assert sure['ece'] == pytest.approx(0.2)


def test_every_image_is_read_once(call, files):
    figure, found = call(*model(files, 'wide'), *model(files, 'thin'))
    assert figure is not None and found['images'] == IMAGES
    for name in ('wide', 'thin'):
        cfg = Config.fromfile(str(files / f'{name}.py'))
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            own = MODELS.build(cfg.model).eval()
        weights = torch.load(files / f'{name}.pth')['state_dict']
        own.load_state_dict(weights)
        right, confidence = 0, []
        for path in (files / 'images').rglob('*.png'):
            image = torch.tensor(cv2.imread(str(path))).permute(2, 0, 1)
            with torch.no_grad():
                data = own.data_preprocessor(dict(inputs=[image]))
                scores = own(data['inputs'], mode='tensor').softmax(1)[0]
            right += path.parent.name == f'class{int(scores.argmax())}'
            confidence.append(float(scores.max()))
        values = found['calibration'][name]
        assert values['accuracy'] == pytest.approx(right / IMAGES)
        assert values['confidence'] == pytest.approx(np.mean(confidence), abs=1e-5)
        assert len(values['bins']) == 15


@pytest.mark.parametrize('frozen', [False, True])
def test_the_streams_of_a_distillation_are_models(
    call, files, write_distillation, frozen
):
    """A frozen teacher is not in the checkpoint: it is what it started from."""
    plain = call(*model(files, 'wide'), *model(files, 'thin'))[1]['calibration']
    given = ['--distillation', *write_distillation(files, frozen)]
    found = call(*given)[1]['calibration']
    assert list(found) == ['teacher', 'student']
    assert found == dict(teacher=plain['wide'], student=plain['thin'])
    both = call(*given, '--streams', 'student', *model(files, 'wide'))[1]
    assert list(both['calibration']) == ['wide', 'student']
    assert both['calibration']['student'] == plain['thin']


def test_bins_that_differ(call, files):
    _, found = call(*model(files, 'thin'), '--bins', '4')
    assert [own['high'] for own in found['calibration']['thin']['bins']] == [
        *(0.25, 0.5, 0.75, 1.0)
    ]


def test_models_that_are_no_streams(call, files, write_distillation):
    config, checkpoint = write_distillation(files)
    plain = [str(files / 'wide.py'), str(files / 'wide.pth')]
    for given, message in (
        (['--distillation', *plain], 'wide.py has no streams'),
        (['--distillation', config, plain[1]], 'it has no streams'),
        (
            ['--distillation', config, checkpoint, '--streams', 'assistant'],
            'no stream `assistant`: student, teacher',
        ),
        (
            ['--distillation', config, checkpoint, '--model', 'teacher', *plain],
            '--model teacher: a stream of the distillation has this name too',
        ),
    ):
        with pytest.raises(SystemExit, match=message):
            call(*given)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--model', 'a', 'b.py', 'b.pth', '--out', 'a.pdf'], 'must end with .png'),
        (['--model', 'a', 'b.py', 'b.pth', '--bins', '0'], '--bins must be at least 1'),
        ([], 'give a --model, or a --distillation'),
        (['--streams', 'student', '--model', 'a', 'b', 'c'], 'of a --distillation'),
        (['--model', *'abc', '--model', *'abc'], 'must differ: a a'),
    ],
)
def test_options_that_make_no_sense(tool, options, message, capsys):
    with pytest.raises(SystemExit):
        tool.parse_args(['config.py', '--out', 'a.png', *options])
    assert message in capsys.readouterr().err
