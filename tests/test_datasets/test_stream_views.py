# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import numpy as np
import pytest
import torch
from mmengine.dataset import default_collate
from mmengine.registry import TRANSFORMS, DefaultScope

from dynkd.datasets.stream_views import StreamViews

CROP = dict(type='RandomCrop', crop_size=16)
FLIP = dict(type='RandomFlip', prob=0.5, direction='horizontal')
PACK = dict(type='PackInputs')


@pytest.fixture
def views():
    """Build it as a pipeline of MMPretrain does."""

    def build(*transforms, streams=('teacher', 'student')):
        cfg = dict(type='dynkd.StreamViews', streams=streams, transforms=transforms)
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            return TRANSFORMS.build(cfg)

    return build


@pytest.fixture
def image():
    pixels = np.random.RandomState(0).randint(0, 256, (32, 32, 3)).astype(np.uint8)
    return dict(img=pixels, gt_label=3, ori_shape=(32, 32), img_shape=(32, 32))


def test_each_stream_has_a_view_of_its_own(views, image):
    transform = views(CROP, FLIP, PACK)
    before = image['img'].copy()
    differ = 0
    for _ in range(20):
        packed = transform(dict(image))
        assert set(packed) == {'inputs', 'data_samples'}
        assert list(packed['inputs']) == ['teacher', 'student']
        assert all(own.shape == (3, 16, 16) for own in packed['inputs'].values())
        assert packed['data_samples'].gt_label.item() == 3
        differ += not torch.equal(*packed['inputs'].values())
    assert differ > 15
    assert np.array_equal(image['img'], before)


def test_without_random_transforms_all_views_are_the_image(views, image):
    packed = views(PACK, streams=['a', 'b', 'c'])(image)
    expected = torch.from_numpy(image['img'].transpose(2, 0, 1))
    assert list(packed['inputs']) == ['a', 'b', 'c']
    assert all(torch.equal(own, expected) for own in packed['inputs'].values())


def test_one_stream_sees_what_it_would_see_alone(views, image):
    """The first view's draws are those of the pipeline without it."""
    for seed in range(5):
        np.random.seed(seed)
        torch.manual_seed(seed)
        alone = views(CROP, FLIP, PACK).transforms(dict(image, img=image['img'].copy()))
        np.random.seed(seed)
        torch.manual_seed(seed)
        packed = views(CROP, FLIP, PACK)(dict(image))
        assert torch.equal(packed['inputs']['teacher'], alone['inputs'])


def test_streams_receive_their_views(views, image, build, classifier, kld):
    transform = views(CROP, FLIP, PACK)
    samples = [transform(dict(image)) for _ in range(4)]
    batch = default_collate(samples)
    model = build(
        dict(model=classifier(), input='teacher', input_shape=(3, 16, 16)),
        dict(model=classifier(), input='student', input_shape=(3, 16, 16)),
        transfers=dict(loss_kd=kld('teacher', 'student')),
    )
    prepared = model.batches(batch, ['teacher', 'student'], True)
    for name, own in prepared.items():
        expected = torch.stack([sample['inputs'][name] for sample in samples])
        found = own['inputs'] * 63.75 + 127.5
        assert torch.allclose(found, expected.float(), atol=1e-3)
        assert [int(sample.gt_label) for sample in own['data_samples']] == [3] * 4
    losses = model(**batch, mode='loss')
    assert losses['loss_kd'] > 0


def test_what_drops_an_image_drops_it(views, image):
    assert views(lambda results: None)(image) is None


@pytest.mark.parametrize('streams', ['teacher', ['teacher'], []])
def test_fewer_than_two_views(streams):
    with pytest.raises((TypeError, ValueError), match='must be a list|a list of two'):
        StreamViews(streams, [])


def test_a_name_twice():
    with pytest.raises(ValueError, match='has a name twice'):
        StreamViews(['student', 'student'], [])


def test_images_with_boxes(views, image):
    with pytest.raises(ValueError, match=r"\['gt_bboxes'\] lie elsewhere"):
        views(PACK)(dict(image, gt_bboxes=np.zeros((1, 4))))


def test_nothing_packs_the_image(views, image):
    with pytest.raises(KeyError, match='do not pack the image'):
        views(CROP)(image)


def test_representation(views):
    assert "StreamViews(streams=('teacher', 'student')" in repr(views(PACK))
