# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Maps of Grad-CAM of two tiny classifiers, on images with a red square."""

import json

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F


@pytest.fixture(scope='module')
def tool(import_tool):
    return import_tool('analysis_tools/grad_cam')


@pytest.fixture(scope='module')
def maps(import_tool):
    return import_tool('analysis_tools/activation_maps')


@pytest.fixture(scope='module')
def files(write_classifiers, tmp_path_factory):
    """Two models with checkpoints, and three images of each of two classes."""
    folder = tmp_path_factory.mktemp('cam')
    rng = np.random.default_rng(0)
    images = rng.integers(0, 60, (6, 64, 64, 3), np.uint8)
    images[:, 8:24, 8:24, 2] = 255  # red, as OpenCV writes it
    labels = [index % 2 for index in range(6)]
    write_classifiers(folder, images, labels, data_preprocessor=dict(to_rgb=True))
    return folder


@pytest.fixture
def call(tool, files, tmp_path):
    """Run the tool for both models, and read what it wrote."""

    def run(*options):
        given = [str(files / 'wide.py')]
        for label, name in dict(teacher='wide', student='thin').items():
            own = [str(files / f'{name}.py'), str(files / f'{name}.pth')]
            given += ['--model', label, *own]
        out = tmp_path / 'new' / 'figure.png'
        assert tool.main([*given, '--out', str(out), *options]) == 0
        figure = cv2.imread(str(out))
        return figure, json.loads(out.with_suffix('.json').read_text())

    return run


def test_behind_it_an_average_and_a_line_it_is_the_class_activation_map(maps, files):
    """Grad-CAM of the last map is CAM: the classifier's own weights of the channels."""
    from mmpretrain.structures import DataSample

    config, weights = str(files / 'wide.py'), str(files / 'wide.pth')
    model = maps.Model.read(config, weights, ['backbone[-1]'], 'cpu')
    images = torch.randint(0, 256, (3, 3, 64, 64), dtype=torch.uint8)
    labels = [0, 3, 4]
    samples = [DataSample().set_gt_label(label) for label in labels]
    batch = dict(inputs=images, data_samples=samples)
    found, predicted = maps.maps_of(model, batch, None)
    with torch.no_grad():
        own = model.stream.prepare(batch, False)['inputs']
        (feature,) = model.features(batch)
        line = model.model.head.fc.weight[labels]
        expected = torch.einsum('bc,bchw->bhw', line, feature).clamp(min=0)
        expected /= expected.flatten(1).amax(1)[:, None, None].clamp(min=1e-12)
        expected = F.interpolate(expected[:, None], (64, 64), mode='bilinear')
        logits = model.model(own, mode='tensor')
    assert found.shape == (3, 64, 64) and found.max() > 0
    assert torch.allclose(found, expected[:, 0], atol=1e-5)
    assert torch.equal(predicted, logits.argmax(1))
    other, _ = maps.maps_of(model, batch, 2)
    assert not torch.allclose(other, found)


def test_nothing_that_speaks_for_the_class_gives_zeros(maps):
    feature = torch.rand(1, 2, 3, 3, requires_grad=True)
    assert not maps.grad_cam(feature, -feature.sum((1, 2, 3))).any()


def test_a_figure_and_its_values(call):
    figure, found = call('--images', '3')
    assert figure is not None
    # Images as they were stored: of the channels, blue, green and red, red is bright.
    red = figure[..., 2].astype(int) - figure[..., 0]
    assert (red > 150).sum() > (red < -150).sum()
    assert list(found['maps']) == ['teacher', 'student']
    for name in ('teacher', 'student'):
        assert np.shape(found['maps'][name]) == (3, 64, 64)
        assert len(found['predicted'][name]) == 3
    assert set(found['labels']) <= {0, 1}
    assert call('--images', '3')[1] == found
    assert call('--images', '3', '--target', '4')[1]['maps'] != found['maps']


def test_another_layer(call):
    _, found = call('--images', '2', '--tap', 'backbone.layer1')
    assert np.shape(found['maps']['student']) == (2, 64, 64)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--tap', 'neck[-1]'], 'yields no map of shape'),
        (['--target', '5'], 'There is no class 5: the model has 5'),
        (['--target', '-1'], 'There is no class -1'),
    ],
)
def test_what_cannot_be_drawn(call, options, message):
    with pytest.raises(SystemExit, match=message):
        call('--images', '2', *options)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--out', 'a.pdf'], '--out must end with .png'),
        (['--out', 'a.png', '--images', '0'], '--images must be at least 1'),
        (['--out', 'a.png', '--model', 'own', 'b.py', 'b.pth'], 'must differ: own own'),
    ],
)
def test_options_that_make_no_sense(tool, options, message, capsys):
    with pytest.raises(SystemExit):
        tool.parse_args(['config.py', '--model', 'own', 'a.py', 'a.pth', *options])
    assert message in capsys.readouterr().err
