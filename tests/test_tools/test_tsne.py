# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""t-SNE of two tiny classifiers, on images of three classes that differ."""

import json
from collections import Counter

import cv2
import numpy as np
import pytest


@pytest.fixture(scope='module')
def tool(import_tool):
    return import_tool('analysis_tools/tsne')


@pytest.fixture(scope='module')
def files(write_classifiers, tmp_path_factory):
    """Two models with checkpoints, and 16 images of each of three classes."""
    folder = tmp_path_factory.mktemp('tsne')
    rng = np.random.default_rng(0)
    labels = [index % 3 for index in range(48)]
    images = [
        rng.integers(0, 30, (32, 32, 3), np.uint8) + np.uint8(100 * label)
        for label in labels
    ]
    write_classifiers(folder, images, labels)
    return folder


@pytest.fixture
def call(tool, files, tmp_path):
    """Run the tool for models, and read what it wrote."""

    def run(models, *options):
        given = [str(files / 'wide.py'), '--perplexity', '5']
        for label, name in models.items():
            own = [str(files / f'{name}.py'), str(files / f'{name}.pth')]
            given += ['--model', label, *own]
        out = tmp_path / 'new' / 'figure.png'
        assert tool.main([*given, '--out', str(out), *options]) == 0
        assert cv2.imread(str(out)) is not None
        return json.loads(out.with_suffix('.json').read_text())

    return run


@pytest.mark.parametrize('tap', ['neck[-1]', 'head'])
def test_classes_that_differ_are_apart(call, tap):
    models = dict(alone='wide', EKD='thin')
    found = call(models, '--classes', '3', '--samples', '10', '--tap', tap)
    assert Counter(found['labels']) == {0: 10, 1: 10, 2: 10}
    assert list(found['points']) == ['alone', 'EKD']
    labels = np.array(found['labels'])
    for points in found['points'].values():
        points = np.array(points)
        assert points.shape == (30, 2)
        distances = np.linalg.norm(points[:, None] - points[None], axis=-1)
        np.fill_diagonal(distances, np.inf)
        nearest = labels[distances.argmin(1)]
        assert (nearest == labels).mean() > 0.9


def test_both_streams_of_a_distillation(call, files, write_distillation):
    options = ['--classes', '2', '--samples', '8']
    plain = call(dict(wide='wide', thin='thin'), *options)['points']
    given = ['--distillation', *write_distillation(files)]
    found = call({}, *given, *options)
    assert found['points'] == dict(teacher=plain['wide'], student=plain['thin'])
    assert found['distillation'] == given[1:]


def test_classes_and_points_are_a_matter_of_the_seed(call):
    def run(seed):
        options = ['--classes', '2', '--samples', '8', '--seed', str(seed)]
        return call(dict(own='thin'), *options)

    first = run(0)
    assert run(0) == first
    assert Counter(first['labels']) == dict.fromkeys(set(first['labels']), 8)
    assert len({tuple(sorted(set(run(seed)['labels']))) for seed in range(5)}) > 1


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--classes', '4'], '--classes 4: the data have 3'),
        (['--classes', '3', '--tap', 'neck'], 'choose one'),
        (['--classes', '2', '--perplexity', '90'], 'and there are'),
    ],
)
def test_what_cannot_be_drawn(call, options, message):
    with pytest.raises(SystemExit, match=message):
        call(dict(own='thin'), *options)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--out', 'a.pdf'], '--out must end with .png'),
        (['--out', 'a.png', '--classes', '2', '--samples', '3'], 'number of images'),
    ],
)
def test_options_that_make_no_sense(tool, options, message, capsys):
    given = ['config.py', '--model', 'label', 'own.py', 'own.pth', '--perplexity', '6']
    with pytest.raises(SystemExit):
        tool.parse_args([*given, *options])
    assert message in capsys.readouterr().err
