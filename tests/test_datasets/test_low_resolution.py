# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import pickle

import numpy as np
import pytest
from mmengine.dataset import Compose
from mmengine.registry import TRANSFORMS, DefaultScope

from dynkd.datasets.low_resolution import LowResolution


@pytest.fixture
def noise():
    def make(*shape):
        return np.random.RandomState(0).randint(0, 256, shape).astype(np.uint8)

    return make


def blocks(image, size):
    """Means of the pixels that fall together, in loops."""
    height, width = image.shape[0] // size, image.shape[1] // size
    out = np.zeros((size, size, 3))
    for row in range(size):
        for column in range(size):
            part = image[
                row * height : (row + 1) * height,
                column * width : (column + 1) * width,
            ]
            out[row, column] = part.reshape(-1, 3).astype(float).mean(0)
    return out


@pytest.mark.parametrize(
    ('shape', 'size'), [((32, 32, 3), 16), ((64, 64, 3), 16), ((24, 48, 3), 8)]
)
def test_pixels_are_the_means_of_those_that_fall_together(shape, size, noise):
    image = noise(*shape)
    results = LowResolution(size)({'img': image.copy(), 'img_shape': shape[:2]})
    assert results['img'].shape == (size, size, 3)
    assert results['img'].dtype == np.uint8
    assert results['img_shape'] == (size, size)
    assert np.abs(results['img'] - blocks(image, size)).max() <= 0.51


def test_bicubic_is_another_way(noise):
    image = noise(32, 32, 3)
    area, bicubic = (
        LowResolution(16, way)({'img': image})['img'] for way in ('area', 'bicubic')
    )
    assert bicubic.shape == area.shape
    assert (bicubic != area).any()
    ramp = np.tile(np.arange(32, dtype=np.uint8)[:, None, None] * 8, (1, 32, 3))
    found = LowResolution(16, 'bicubic')({'img': ramp})['img'][2:-2]
    assert np.abs(found - blocks(ramp, 16)[2:-2]).max() <= 1


@pytest.mark.parametrize('shape', [(32, 32, 3), (20, 30, 3), (32, 32), (32, 32, 1)])
def test_size_can_be_kept_and_detail_is_lost(shape, noise):
    image = noise(*shape)
    results = LowResolution(8, keep_size=True)({'img': image.copy()})
    assert results['img'].shape == shape
    assert results['img_shape'] == shape[:2]
    assert results['img'].std() < 0.6 * image.std()
    again = LowResolution(8)({'img': results['img']})['img'].astype(int)
    once = LowResolution(8)({'img': image})['img'].astype(int)
    # What the low resolution holds is still there.
    assert np.corrcoef(again.ravel(), once.ravel())[0, 1] > 0.95


@pytest.mark.parametrize('shape', [(32, 32, 1), (32, 32)])
def test_grey_images_keep_their_dimensions(shape, noise):
    image = LowResolution(16)({'img': noise(*shape)})['img']
    assert image.shape == (16, 16, *shape[2:])


@pytest.mark.parametrize('shape', [(8, 8, 3), (8, 40, 3), (40, 8, 3), (16, 16, 3)])
def test_all_images_get_one_size(shape, noise):
    image = noise(*shape)
    found = LowResolution(16)({'img': image})['img']
    assert found.shape == (16, 16, 3)
    if shape == (16, 16, 3):
        assert (found == image).all()


def test_boxes_fit_only_an_image_of_the_same_size(noise):
    results = {'img': noise(32, 32, 3), 'gt_bboxes': np.array([[4, 4, 20, 20]])}
    with pytest.raises(ValueError, match=r"\['gt_bboxes'\].*keep_size=True"):
        LowResolution(16)(dict(results))
    kept = LowResolution(16, keep_size=True)(dict(results))
    assert (kept['gt_bboxes'] == results['gt_bboxes']).all()


def test_any_pipeline_can_have_it(noise):
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        pipeline = Compose(
            [
                dict(type='dynkd.LowResolution', size=16),
                dict(type='RandomCrop', crop_size=16, padding=2),
                dict(type='PackInputs'),
            ]
        )
    packed = pipeline({'img': noise(32, 32, 3), 'gt_label': 3, 'sample_idx': 5})
    assert packed['inputs'].shape == (3, 16, 16)
    assert packed['data_samples'].img_shape[:2] == (16, 16)


def test_it_is_registered_and_can_be_copied():
    with DefaultScope.overwrite_default_scope('mmdet'):
        transform = TRANSFORMS.build(
            dict(type='dynkd.LowResolution', size=4, interpolation='bicubic')
        )
    assert isinstance(transform, LowResolution)
    expected = "LowResolution(size=4, interpolation='bicubic', keep_size=False)"
    assert repr(pickle.loads(pickle.dumps(transform))) == expected


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(size=0), '`size` must be at least 1, got 0'),
        (dict(interpolation='nearest'), "'area', 'bicubic'.*got 'nearest'"),
    ],
)
def test_arguments_out_of_range(arguments, message):
    with pytest.raises(ValueError, match=message):
        LowResolution(**arguments)
