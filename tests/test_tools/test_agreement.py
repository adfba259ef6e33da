# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""On how many images of each class teacher and student agree."""

import json

import cv2
import numpy as np
import pytest


@pytest.fixture(scope='module')
def tool(import_tool):
    return import_tool('analysis_tools/agreement')


@pytest.fixture(scope='module')
def files(write_classifiers, tmp_path_factory):
    """Two models with checkpoints, and images of three classes."""
    folder = tmp_path_factory.mktemp('agreement')
    rng = np.random.default_rng(0)
    labels = [index % 3 for index in range(30)]
    images = rng.integers(0, 256, (30, 32, 32, 3), np.uint8)
    write_classifiers(folder, images, labels)
    return folder


@pytest.fixture
def call(tool, files, tmp_path, capsys):
    """Run the tool, and read what it wrote and printed."""

    def run(*options):
        out = tmp_path / 'new' / 'figure.png'
        assert tool.main([str(files / 'wide.py'), *options, '--out', str(out)]) == 0
        assert cv2.imread(str(out)) is not None
        values = json.loads(out.with_suffix('.json').read_text())
        return values, capsys.readouterr().out

    return run


def slow(first, second, labels):
    """The shares, image by image."""
    found = dict.fromkeys(('same', 'both', 'first', 'second', 'neither'), 0)
    for one, other, label in zip(first, second, labels):
        found['same'] += one == other
        if one == label:
            found['both' if other == label else 'first'] += 1
        else:
            found['second' if other == label else 'neither'] += 1
    return {key: count / len(labels) for key, count in found.items()}


def test_shares_are_those_counted_by_hand(tool):
    rng = np.random.default_rng(0)
    first, second, labels = rng.integers(0, 4, (3, 300))
    whole = tool.agreement(first, second, labels)
    assert whole.pop('images') == 300
    assert whole == pytest.approx(slow(first, second, labels))
    assert all(0 < share < 1 for share in whole.values())
    classes = tool.by_class(first, second, labels)
    assert list(classes) == [0, 1, 2, 3]
    for label, own in classes.items():
        chosen = labels == label
        assert own.pop('images') == chosen.sum()
        expected = slow(first[chosen], second[chosen], labels[chosen])
        assert own == pytest.approx(expected)
        parts = ('both', 'first', 'second', 'neither')
        assert sum(own[part] for part in parts) == pytest.approx(1)


def test_a_model_agrees_with_itself(call, files):
    given = [str(files / 'wide.py'), str(files / 'wide.pth')]
    found, printed = call('--model', 'one', *given, '--model', 'again', *given)
    assert found['all']['same'] == 1 and found['all']['images'] == 30
    assert found['all']['first'] == found['all']['second'] == 0
    assert list(found['classes']) == ['class0', 'class1', 'class2']
    assert 'one and again predict the same class on 100.0% of 30 images' in printed


def test_teacher_and_student_of_a_distillation(call, files, write_distillation):
    found, _ = call('--distillation', *write_distillation(files))
    assert (found['first'], found['second']) == ('teacher', 'student')
    wide, thin = (
        [str(files / f'{n}.{end}') for end in ('py', 'pth')] for n in ('wide', 'thin')
    )
    plain, _ = call('--model', 'wide', *wide, '--model', 'thin', *thin)
    assert found['all'] == plain['all'] and found['classes'] == plain['classes']
    turned, _ = call('--model', 'thin', *thin, '--model', 'wide', *wide)
    assert turned['all']['first'] == plain['all']['second']


def test_of_many_classes_those_of_least_agreement_are_shown(tool):
    found = {
        label: dict(same=share) for label, share in enumerate((0.9, 0.2, 1.0, 0.5))
    }
    assert tool.shown(found, 4) == [0, 1, 2, 3]
    assert tool.shown(found, 2) == [1, 3]


def test_the_figure_shows_each_part(tool, tmp_path):
    row = dict(same=0.8, both=0.6, first=0.2, second=0.1, neither=0.1)
    out = tmp_path / 'figure.png'
    tool.draw({'all': row, 'dog': {**row, 'same': 0.5}}, ['teacher', 'student'], out)
    figure = cv2.imread(str(out))
    for color, _ in tool.PARTS.values():
        if color.startswith('#'):
            values = [int(color[i : i + 2], 16) for i in (5, 3, 1)]
            assert (figure == values).all(-1).any(), color


def test_two_models_are_needed(call, files):
    given = [str(files / 'wide.py'), str(files / 'wide.pth')]
    with pytest.raises(SystemExit, match='must be two models, .* not one;'):
        call('--model', 'one', *given)


def test_options_that_make_no_sense(tool, capsys):
    given = ['config.py', '--out', 'a.png', '--model', *'abc', '--classes', '0']
    with pytest.raises(SystemExit):
        tool.parse_args(given)
    assert '--classes must be at least 1' in capsys.readouterr().err


def test_names_that_are_there_twice(tool):
    names = {3: 'crane', 8: 'all', 9: 'crane', 10: 'dog'}
    found = {3: 'crane (3)', 8: 'all (8)', 9: 'crane (9)', 10: 'dog'}
    assert tool._unique(names) == found


def test_the_first_part_is_seen_where_few_are_right(tool, tmp_path):
    row = dict(same=0.94, both=0.6, first=0.2, second=0.04, neither=0.16)
    tool.draw({'all': row}, ['teacher', 'student'], tmp_path / 'figure.png')
    figure = cv2.imread(str(tmp_path / 'figure.png'))
    color = tool.PARTS['both'][0]
    values = [int(color[i : i + 2], 16) for i in (5, 3, 1)]
    # More than its patch in the legend.
    assert (figure == values).all(-1).sum() > 1000
