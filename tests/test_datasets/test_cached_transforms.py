# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import random

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import TRANSFORMS, DefaultScope
from mmpretrain.datasets import CustomDataset

from dynkd.datasets.cached_transforms import CachedTransforms

LOAD = dict(type='LoadImageFromFile')
SMALL = dict(type='dynkd.LowResolution', size=16)
CROP = dict(type='RandomCrop', crop_size=16, padding=2)
FLIP = dict(type='RandomFlip', prob=0.5, direction='horizontal')
PACK = dict(type='PackInputs')


def cached(*transforms):
    """Build it as a pipeline of MMPretrain does."""
    cfg = dict(type='dynkd.CachedTransforms', transforms=list(transforms))
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return TRANSFORMS.build(cfg)


@pytest.fixture
def images(tmp_path):
    """Six images of two classes; changing them shows whether they are read again."""

    def write(seed=0):
        pixels = np.random.RandomState(seed).randint(0, 256, (6, 32, 32, 3), np.uint8)
        for index, image in enumerate(pixels):
            folder = tmp_path / 'ab'[index % 2]
            folder.mkdir(exist_ok=True)
            cv2.imwrite(str(folder / f'{index}.png'), image)

    write()
    return tmp_path, write


def epochs_of(root, pipeline, count=3):
    """What a data set gives in some epochs, from one seed."""
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        dataset = CustomDataset(data_root=str(root), pipeline=pipeline)
    np.random.seed(0)
    torch.manual_seed(0)
    return dataset, [dataset[i] for _ in range(count) for i in range(len(dataset))]


def test_samples_are_those_of_the_transforms_alone(images):
    random = [CROP, FLIP, PACK]
    root, _ = images
    _, plain = epochs_of(root, [LOAD, SMALL, *random])
    first = dict(type='dynkd.CachedTransforms', transforms=[LOAD, SMALL])
    _, kept = epochs_of(root, [first, *random])
    assert len(plain) == len(kept) == 18
    for ours, theirs in zip(kept, plain):
        assert torch.equal(ours['inputs'], theirs['inputs'])
        assert ours['data_samples'].to_dict().keys() == (
            theirs['data_samples'].to_dict().keys()
        )
        assert ours['data_samples'].gt_label == theirs['data_samples'].gt_label
        assert ours['data_samples'].sample_idx == theirs['data_samples'].sample_idx


def test_a_sample_is_loaded_once(images):
    root, write = images
    first = dict(type='dynkd.CachedTransforms', transforms=[LOAD])
    dataset, before = epochs_of(root, [first, PACK], count=1)
    write(seed=1)
    after = [dataset[index] for index in range(len(dataset))]
    assert all(torch.equal(a['inputs'], b['inputs']) for a, b in zip(before, after))


def test_what_follows_does_not_change_what_is_kept():
    transform = cached(lambda results: dict(results, img=np.zeros(4), boxes=[[1, 2]]))
    for _ in range(2):
        given = transform(dict(sample_idx=0))
        assert given['img'].sum() == 0
        assert given['boxes'] == [[1, 2]]
        given['img'] += 1
        given['boxes'][0].append(3)


def test_a_sample_that_is_dropped():
    transform = cached(lambda results: None)
    assert [transform(dict(sample_idx=0)) for _ in range(2)] == [None, None]


@pytest.mark.parametrize('wrong', [CROP, FLIP, dict(type='mmdet.RandomAffine')])
def test_random_transforms_are_refused(wrong):
    name = wrong['type'].split('.')[-1]
    with pytest.raises(ValueError, match=f'{name} draws random numbers, which would'):
        cached(LOAD, wrong)


@pytest.mark.parametrize(
    'outer',
    [
        dict(type='KeyMapper', mapping=dict(img='img')),
        dict(type='TransformBroadcaster', mapping=dict(img=['img', 'other'])),
    ],
)
def test_random_transforms_inside_of_others_are_refused(outer):
    with pytest.raises(ValueError, match='RandomFlip draws random numbers, which'):
        cached(LOAD, dict(outer, transforms=[FLIP]))


@pytest.mark.parametrize('draw', [random.random, np.random.rand, lambda: torch.rand(1)])
def test_a_transform_that_draws_unseen_is_refused_with_its_first_sample(draw):
    transform = cached(lambda results: dict(results, value=float(draw())))
    with pytest.raises(ValueError, match='one of its transforms draws random numbers'):
        transform(dict(sample_idx=0))


def test_no_transforms_are_refused():
    with pytest.raises(ValueError, match='CachedTransforms: transforms is empty'):
        cached()


def test_samples_without_a_number_are_refused():
    with pytest.raises(KeyError, match='has no `sample_idx`, by which it is kept'):
        cached(SMALL)(dict(img=np.zeros((32, 32, 3), np.uint8)))


def test_repr_names_the_transforms():
    assert 'LoadImageFromFile' in repr(cached(LOAD))
    assert repr(CachedTransforms([len])).startswith('CachedTransforms(')
