# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Frames and flow stay one on the other.

The clip is a light rectangle that moves over a dark ground, so that each image of the
flow is a linear function of its frame: u = 128 + frame / 255 * (U - 128). Resizing is
linear too, and cropping and flipping move pixels, so that this holds after all of them,
with 255 - u in place of u where the clip was flipped.
"""

import pickle
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mmengine.registry import TRANSFORMS, DefaultScope

from dynkd.datasets.paired_transforms import PairedTransforms

U, V = 200, 90
CODE = np.array([U, V], float)
CROP = dict(type='MultiScaleCrop', input_size=24, scales=(1, 0.8, 0.66))
SQUARE = dict(type='Resize', scale=(24, 24), keep_ratio=False)
FORMAT = dict(type='FormatShape', input_format='NCTHW')


def clip(height: int = 41, width: int = 59, count: int = 4, **more) -> dict:
    """A light rectangle off the centre, which moves on by a pixel each frame."""
    frames, flows = [], []
    for index in range(count):
        mask = np.zeros((height, width, 1), bool)
        top, left = height // 5 + index, width // 4 + index
        mask[top : top + height // 2, left : left + width // 3] = True
        frames.append(np.where(mask, 255, np.zeros(3)).astype(np.uint8))
        flows.append(np.where(mask, CODE, 128).astype(np.uint8))
    return dict(
        imgs=frames,
        flow=flows,
        img_shape=(height, width),
        num_clips=1,
        clip_len=count,
        modality='RGB',
        label=3,
        frame_dir='videos/clip',
        **more,
    )


def seed(number: int) -> None:
    random.seed(number)
    np.random.seed(number)


def assert_aligned(results: dict, flipped: tuple[bool, bool] = (False, False)) -> None:
    frames, flow = np.stack(results['imgs']), np.stack(results['flow'])
    assert frames.shape[:-1] == flow.shape[:-1]
    assert flow.shape[-1] == 2 and flow.dtype == np.uint8
    share = frames[..., :1].astype(float) / 255
    expected = 128 + share * (CODE - 128)
    expected = np.where(flipped, 255 - expected, expected)
    # Both are rounded; resizing rounds again.
    assert np.abs(flow - expected).max() <= 2


ALONE = {
    'Resize': [dict(type='Resize', scale=(-1, 27))],
    'Resize, not keeping the ratio': [SQUARE],
    'RandomRescale': [dict(type='RandomRescale', scale_range=(20, 60))],
    'RandomCrop': [dict(type='RandomCrop', size=33)],
    'RandomResizedCrop': [dict(type='RandomResizedCrop', area_range=(0.4, 1.0))],
    'MultiScaleCrop': [CROP, SQUARE],
    'MultiScaleCrop, anywhere': [dict(CROP, random_crop=True), SQUARE],
    'CenterCrop': [dict(type='CenterCrop', crop_size=(31, 25))],
    'ThreeCrop': [dict(type='ThreeCrop', crop_size=41)],
    'Flip': [dict(type='Flip', flip_ratio=0.5)],
    'all': [
        dict(type='RandomRescale', scale_range=(30, 60)),
        dict(type='RandomCrop', size=29),
        dict(type='RandomResizedCrop', area_range=(0.5, 1.0)),
        SQUARE,
        dict(type='Flip', flip_ratio=0.5),
    ],
    'lazy': [
        dict(type='Resize', scale=(-1, 36), lazy=True),
        dict(CROP, lazy=True),
        dict(SQUARE, lazy=True),
        dict(type='Flip', flip_ratio=0.5, lazy=True),
        dict(type='Fuse'),
    ],
}


@pytest.mark.parametrize('name', list(ALONE))
def test_flow_stays_where_its_frame_is(name):
    paired = PairedTransforms(ALONE[name])
    flips, frames, edges = set(), set(), 0
    for number in range(12):
        seed(number)
        results = paired(clip())
        flipped = bool(results.get('flip', False))
        assert_aligned(results, (flipped, False))
        flips.add(flipped)
        frames.add(np.stack(results['imgs']).tobytes())
        edges += len(np.unique(results['imgs'])) > 1
    # All but a few crops have some of the rectangle, and some of the ground.
    assert edges > 8
    # The draws do differ from clip to clip.
    draws = 'Random' in name or 'Multi' in name or name in ('Flip', 'all', 'lazy')
    assert (len(frames) > 1) is draws
    assert flips == ({False, True} if name in ('Flip', 'all', 'lazy') else {False})


@pytest.mark.parametrize(
    ('direction', 'turned'),
    [('horizontal', (True, False)), ('vertical', (False, True))],
)
def test_a_flip_turns_the_motion_round(direction, turned):
    flip = dict(type='Flip', flip_ratio=1.0, direction=direction)
    before, results = clip(), PairedTransforms([flip])(clip())
    axis = 1 if direction == 'horizontal' else 0
    for old, new in zip(before['flow'], results['flow']):
        mirrored = np.flip(old, axis).copy()
        part = turned.index(True)
        mirrored[..., part] = 255 - mirrored[..., part]
        assert (new == mirrored).all()
    for old, new in zip(before['imgs'], results['imgs']):
        assert (new == np.flip(old, axis)).all()
    twice = PairedTransforms([flip, flip])(clip())
    assert all((a == b).all() for a, b in zip(twice['flow'], before['flow']))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(17, 70), st.integers(17, 70), st.integers(1, 5), st.integers(0, 10**6)
)
def test_any_size(height, width, count, number):
    seed(number)
    paired = PairedTransforms([CROP, SQUARE, dict(type='Flip', flip_ratio=0.5)])
    results = paired(clip(height, width, count))
    assert {image.shape for image in results['imgs']} == {(24, 24, 3)}
    frames, flow = np.stack(results['imgs']), np.stack(results['flow'])
    share = frames[..., :1].astype(float) / 255
    expected = 128 + share * (CODE - 128)
    if results['flip']:
        expected[..., 0] = 255 - expected[..., 0]
    assert np.abs(flow - expected).max() <= 2


@pytest.mark.parametrize('name', ['all', 'lazy', 'MultiScaleCrop', 'RandomCrop'])
def test_the_frames_are_those_of_the_plain_pipeline(name):
    """The draws of a seed are the same as without flow, and as many."""
    with DefaultScope.overwrite_default_scope('mmaction'):
        plain = [TRANSFORMS.build(own) for own in ALONE[name]]
    for number in range(5):
        seed(number)
        expected = clip()
        del expected['flow']
        for transform in plain:
            expected = transform(expected)
        after = (random.random(), np.random.rand())
        seed(number)
        results = PairedTransforms(ALONE[name])(clip())
        assert (np.stack(results['imgs']) == np.stack(expected['imgs'])).all()
        assert (random.random(), np.random.rand()) == after
        for key in expected:
            if key != 'imgs':
                assert np.array_equal(results[key], expected[key]), key


@pytest.mark.parametrize(('key', 'other'), [('imgs', 'flow'), ('flow', 'imgs')])
@pytest.mark.parametrize('name', ['all', 'lazy', 'ThreeCrop'])
def test_one_alone_is_treated_as_in_a_pair(key, other, name):
    for number in range(4):
        seed(number)
        both = PairedTransforms(ALONE[name])(clip())
        seed(number)
        alone = clip()
        del alone[other]
        results = PairedTransforms(ALONE[name])(alone)
        assert other not in results
        assert (np.stack(results[key]) == np.stack(both[key])).all()
        assert results['img_shape'] == both['img_shape']
        assert results['modality'] == 'RGB'


def test_values_are_not_scaled_with_the_image():
    """A motion has one value in all sizes: it counts pixels of the extraction."""
    results = clip()
    results['flow'] = [np.full((41, 59, 2), CODE).astype(np.uint8)] * 4
    for scale in (20, 41, 90):
        own = PairedTransforms([dict(type='Resize', scale=(-1, scale))])(dict(results))
        assert (np.stack(own['flow']) == CODE).all()


def test_several_clips_and_crops_keep_their_order():
    results = clip(count=6)
    results.update(num_clips=2, clip_len=3)
    for index, flow in enumerate(results['flow']):
        flow[:] = index
        results['imgs'][index][:] = 10 * index
    crop = dict(type='ThreeCrop', crop_size=41)
    results = PairedTransforms([crop, FORMAT])(results)
    assert results['imgs'].shape == (6, 3, 3, 41, 41)
    assert results['flow'].shape == (6, 2, 3, 41, 41)
    assert (results['imgs'][:, :1] == 10 * results['flow'][:, :1]).all()
    assert results['flow'][:, 0, :, 0, 0].tolist() == [[0, 1, 2], [3, 4, 5]] * 3


def test_layout_of_networks_of_two_dimensions():
    """The channels of a clip's flows are joined: u, v, u, v, ..."""
    frames = dict(type='FormatShape', input_format='NCHW')
    results = clip(count=6)
    results.update(num_clips=2, clip_len=3)
    for index, flow in enumerate(results['flow']):
        flow[:] = (10 + index, 20 + index)
    results = PairedTransforms([frames])(results)
    assert results['imgs'].shape == (6, 3, 41, 59)
    assert results['flow'].shape == (2, 6, 41, 59)
    joined = [[10, 20, 11, 21, 12, 22], [13, 23, 14, 24, 15, 25]]
    assert results['flow'][:, :, 0, 0].tolist() == joined


def test_the_label_changes_once_with_a_flip():
    flip = dict(type='Flip', flip_ratio=1.0, flip_label_map={3: 4, 4: 3})
    assert PairedTransforms([flip])(clip())['label'] == 4


def test_a_clip_may_be_dropped():
    class Drop:
        def __call__(self, results):
            return None

    assert PairedTransforms([Drop()])(clip()) is None


# ----------------------------------------------------------------- what is refused


@pytest.mark.parametrize('kind', ['ColorJitter', 'TenCrop', 'RandomErasing'])
def test_what_would_change_motion(kind):
    given = dict(type=kind, crop_size=9) if kind == 'TenCrop' else dict(type=kind)
    with pytest.raises(ValueError, match=f'{kind} would change the values of the flow'):
        PairedTransforms([dict(type='Resize', scale=(-1, 9)), given])


def test_frames_and_flow_of_different_lengths():
    results = clip()
    results['flow'].pop()
    message = 'frames in videos/clip has 4 frames and 3 flows'
    with pytest.raises(ValueError, match=message):
        PairedTransforms([SQUARE])(results)


def test_frames_and_flow_of_different_sizes():
    results = clip()
    results['flow'] = clip(20, 20)['flow']
    message = r'videos/clip are of size \(41, 59\), its flow of \(20, 20\)'
    with pytest.raises(ValueError, match=message):
        PairedTransforms([SQUARE])(results)


def test_neither_frames_nor_flow():
    with pytest.raises(KeyError, match='frames in a has neither frames .* nor flow'):
        PairedTransforms([SQUARE])(dict(frame_dir='a'))


def test_flow_that_mmaction2_loaded():
    results = dict(clip(), modality='Flow')
    with pytest.raises(ValueError, match='said to be Flow.*dynkd.LoadFlow'):
        PairedTransforms([SQUARE])(results)


def test_lazy_transforms_outside():
    with pytest.raises(ValueError, match='a lazy transform comes before it'):
        PairedTransforms([SQUARE])(clip(lazy=dict(flip=False)))
    with pytest.raises(ValueError, match='Fuse is not among them'):
        PairedTransforms([dict(SQUARE, lazy=True)])(clip())


def test_a_transform_that_looks_at_the_images():
    class Bright:
        def __call__(self, results):
            if np.stack(results['imgs']).mean() > 100:
                results['imgs'] = [image[2:] for image in results['imgs']]
                results['img_shape'] = results['imgs'][0].shape[:2]
            return results

    message = r'videos/clip were treated differently: img_shape is \(41, 59\) and \(39'
    with pytest.raises(RuntimeError, match=message):
        PairedTransforms([Bright()])(clip())


def test_nothing_to_do():
    with pytest.raises(ValueError, match='PairedTransforms: transforms is empty'):
        PairedTransforms([])


@pytest.mark.parametrize('scope', ['mmpretrain', 'mmaction', 'mmengine'])
def test_it_is_found_and_finds_mmaction2_in_any_scope(scope):
    with DefaultScope.overwrite_default_scope(scope):
        paired = TRANSFORMS.build(
            dict(type='dynkd.PairedTransforms', transforms=ALONE['MultiScaleCrop'])
        )
    assert repr(paired) == 'PairedTransforms(MultiScaleCrop, Resize)'
    assert_aligned(pickle.loads(pickle.dumps(paired))(clip()))
