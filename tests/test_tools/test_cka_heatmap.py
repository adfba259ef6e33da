# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""CKA heat maps of two tiny classifiers on random images."""

import json
import math

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope

IMAGES = 18


@pytest.fixture(scope='module')
def tool(import_tool):
    return import_tool('analysis_tools/cka_heatmap')


@pytest.fixture(scope='module')
def models(import_tool):
    return import_tool('analysis_tools/loaded_models')


@pytest.fixture(scope='module')
def figure(import_tool):
    return import_tool('analysis_tools/cka_figure')


@pytest.fixture(scope='module')
def files(write_classifiers, tmp_path_factory):
    """Two models with checkpoints, of 8 and 4 channels, and images of two classes."""
    folder = tmp_path_factory.mktemp('cka')
    images = np.random.default_rng(0).integers(0, 256, (IMAGES, 32, 32, 3), np.uint8)
    write_classifiers(folder, images, [2 * i // IMAGES for i in range(IMAGES)])
    return folder


@pytest.fixture
def call(tool, files, tmp_path):
    """Run the tool for a teacher and students, and read what it wrote."""

    def run(students, *options):
        given = [str(files / 'wide.py')]
        given += ['--teacher', str(files / 'wide.py'), str(files / 'wide.pth')]
        for label, name in students.items():
            own = [str(files / f'{name}.py'), str(files / f'{name}.pth')]
            given += ['--student', label, *own]
        out = tmp_path / 'new' / 'figure.png'
        tool.main([*given, '--out', str(out), *options])
        assert cv2.imread(str(out)) is not None
        return json.loads(out.with_suffix('.json').read_text())

    return run


def slow_cka(x, y):
    """Eq. 7 of one batch, term by term in float64 (Eq. 6 written out)."""

    def hsic(first, second):
        n = len(first)
        k, m = (f @ f.T * (1 - np.eye(n)) for f in (first, second))
        ones = np.ones(n)
        value = np.trace(k @ m)
        value += (ones @ k @ ones) * (ones @ m @ ones) / ((n - 1) * (n - 2))
        value -= 2 / (n - 2) * (ones @ k @ m @ ones)
        return value / (n * (n - 3))

    x, y = (side.double().flatten(1).numpy() for side in (x, y))
    x, y = x - x.mean(0), y - y.mean(0)
    return hsic(x, y) / math.sqrt(hsic(x, x) * hsic(y, y))


def test_a_model_is_as_similar_to_itself_as_can_be(call):
    found = call(dict(same='wide'), '--batch-size', '6')
    assert found['batches'] == IMAGES // 6
    assert found['cka']['same'] == pytest.approx([1.0] * 3, abs=1e-5)


def test_values_are_those_of_the_batches(call, tool, models, files):
    options = ['--batch-size', '8', '--seed', '3']
    found = call(dict(thin='thin', same='wide'), *options)
    paths = {n: (str(files / f'{n}.py'), str(files / f'{n}.pth')) for n in ('wide',)}
    args = tool.parse_args(
        [paths['wide'][0], '--teacher', *paths['wide'], '--out', 'a.png']
        + ['--student', 'a', *paths['wide'], *options]
    )
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        cfg = Config.fromfile(str(files / 'wide.py'))
        batches = list(models.data_loader(cfg, args))
        maps = {}
        for name in ('wide', 'thin'):
            cfg = Config.fromfile(str(files / f'{name}.py'))
            model = MODELS.build(cfg.model).eval()
            model.load_state_dict(torch.load(files / f'{name}.pth')['state_dict'])
            with torch.no_grad():
                maps[name] = [
                    model.backbone(model.data_preprocessor(batch)['inputs'])[-1]
                    for batch in batches
                ]
    assert len(batches) == 2
    expected = [slow_cka(x, y) for x, y in zip(maps['thin'], maps['wide'])]
    assert found['cka']['thin'] == pytest.approx(expected, abs=1e-4)
    assert max(abs(value) for value in expected) < 0.99, 'it is another model'


def test_images_are_shuffled_by_the_seed(call):
    first, again, other = (
        call(dict(thin='thin'), '--batch-size', '6', '--seed', seed)['cka']['thin']
        for seed in '001'
    )
    assert first == again != other


def test_several_taps_give_a_matrix(call):
    taps = ['backbone.layer3', 'backbone[-1]', 'head']
    found = call(
        dict(same='wide'),
        *('--teacher-taps', *taps, '--student-taps', *taps[:2]),
        *('--batch-size', '5', '--batches', '2', '--range', '0', '1'),
    )
    values = np.array(found['cka']['same'])
    assert values.shape == (2, 3) and found['batches'] == 2
    assert values[[0, 1], [0, 1]] == pytest.approx([1.0, 1.0], abs=1e-5)
    assert (values[[0, 1, 0, 1], [1, 0, 2, 2]] < 0.999).all()


def test_a_matrix_averages_the_terms_of_the_batches(tool):
    terms = torch.rand(4, 2, 1, 3, dtype=torch.float64)
    mean = terms.mean(0)
    expected = mean[..., 0] / (mean[..., 1] * mean[..., 2]).sqrt()
    torch.testing.assert_close(tool.similarities(terms), expected)


@pytest.mark.parametrize('count, shape', [(9, (3, 3)), (7, (3, 3)), (6, (2, 3))])
def test_batches_are_ranked_row_by_row(figure, count, shape):
    values = torch.arange(count, dtype=torch.float)[torch.randperm(count)]
    grid = figure.ranked(values)
    assert tuple(grid.shape) == shape
    flat = grid.flatten()
    assert flat[:count].tolist() == sorted(values.tolist(), reverse=True)
    assert flat[count:].isnan().all()


def test_colours_are_those_of_one_scale(figure, tmp_path):
    """The lowest and the highest of all panels have the ends of the colours."""
    panels = dict(a=torch.tensor([0.2, 0.5]), b=torch.tensor([0.5, 0.9]))
    figure.draw(panels, dict(teacher=['x'], student=['x']), None, tmp_path / 'a.png')
    pixels = cv2.imread(str(tmp_path / 'a.png'))[..., ::-1].reshape(-1, 3)
    purple, yellow = (68, 1, 84), (253, 231, 36)
    for color in (purple, yellow):
        near = np.abs(pixels.astype(int) - color).max(1) <= 2
        # A cell of two has far more pixels than the bar's end.
        assert near.sum() > 5000


def test_a_tap_of_several_tensors_is_refused(call):
    with pytest.raises(SystemExit, match=r'`teacher.backbone` yields 2 tensors'):
        call(dict(a='thin'), '--teacher-taps', 'backbone', '--batch-size', '4')


def test_a_tap_that_does_not_exist_names_the_nearest(call):
    with pytest.raises(SystemExit, match='no module `backbone.layer9`'):
        call(dict(a='thin'), '--student-taps', 'backbone.layer9', '--batch-size', '4')


def test_too_few_samples_for_a_batch(call):
    with pytest.raises(SystemExit, match=f'are {IMAGES} samples, fewer than a batch'):
        call(dict(a='thin'))


def test_a_config_without_such_data(call):
    with pytest.raises(SystemExit, match='has no test_dataloader'):
        call(dict(a='thin'), '--split', 'test')


@pytest.mark.parametrize(
    'options, message',
    [
        (['--batch-size', '3'], 'at least 4'),
        (['--batches', '0'], '--batches must be at least 1'),
        (['--range', '1', '0'], 'LOW must be less than HIGH'),
        (['--student', 'a', 'x.py', 'x.pth'], 'labels of the students must differ'),
        (['--out', 'a.pdf'], 'must end with .png'),
    ],
)
def test_wrong_options_are_refused(call, options, message, capsys):
    with pytest.raises(SystemExit):
        call(dict(a='thin'), *options)
    assert message in capsys.readouterr().err
