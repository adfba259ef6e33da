# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import pickle

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate

from dynkd.datasets.pack_modalities import PackModalities


@pytest.fixture
def results():
    def make(index: int = 7) -> dict:
        generator = np.random.RandomState(index)
        return dict(
            imgs=generator.randint(0, 256, (2, 3, 4, 6, 5)).astype(np.uint8),
            flow=generator.randint(0, 256, (2, 2, 4, 6, 5)).astype(np.uint8),
            img_shape=(6, 5),
            num_clips=2,
            sample_idx=index,
            filename=f'{index}.mp4',
            label=index % 3,
            frame_inds=np.arange(8),
        )

    return make


def test_each_modality_under_its_name(results):
    packed = PackModalities()(results())
    assert set(packed) == {'inputs', 'data_samples'}
    assert list(packed['inputs']) == ['rgb', 'flow']
    for name, key in (('rgb', 'imgs'), ('flow', 'flow')):
        assert packed['inputs'][name].dtype == torch.uint8
        assert (packed['inputs'][name].numpy() == results()[key]).all()
    sample = packed['data_samples']
    assert sample.gt_label.tolist() == [1]
    assert sample.metainfo == dict(
        img_shape=(6, 5), num_clips=2, sample_idx=7, filename='7.mp4'
    )


@pytest.mark.parametrize(('name', 'key'), [('rgb', 'imgs'), ('flow', 'flow')])
def test_one_modality(results, name, key):
    given = {k: v for k, v in results().items() if k in (key, 'label')}
    named = PackModalities([name])(dict(given))['inputs']
    assert list(named) == [name] and (named[name].numpy() == given[key]).all()
    alone = PackModalities(name)(dict(given))['inputs']
    assert (alone.numpy() == given[key]).all()


def test_batches_are_dicts_of_lists(results):
    pack = pickle.loads(pickle.dumps(PackModalities()))
    batch = pseudo_collate([pack(results(index)) for index in range(3)])
    assert [len(batch['inputs'][name]) for name in ('rgb', 'flow')] == [3, 3]
    assert (batch['inputs']['flow'][2].numpy() == results(2)['flow']).all()
    assert [sample.sample_idx for sample in batch['data_samples']] == [0, 1, 2]


def test_more_of_the_results(results):
    pack = PackModalities(
        meta_keys=('filename', 'frame_inds'), algorithm_keys=('num_clips',)
    )
    sample = pack(results())['data_samples']
    assert set(sample.metainfo) == {'filename', 'frame_inds'}
    assert sample.num_clips == 2


@pytest.mark.parametrize(
    ('name', 'key', 'there', 'source'),
    [
        ('rgb', 'imgs', "'flow'", 'RawFrameDecode'),
        ('flow', 'flow', "'rgb'", 'dynkd.LoadFlow'),
    ],
)
def test_a_modality_that_is_missing(results, name, key, there, source):
    given = results()
    del given[key]
    message = f'video 7.mp4 has no `{name}`, only .*{there}.*{source}'
    with pytest.raises(KeyError, match=message):
        PackModalities()(given)


def test_images_that_are_no_array_yet(results):
    given = dict(results(), flow=list(results()['flow']))
    message = '`flow` of video 7.mp4 is still a list of images.*FormatShape'
    with pytest.raises(TypeError, match=message):
        PackModalities()(given)


@pytest.mark.parametrize(
    ('names', 'message'),
    [
        ('depth', r"of rgb, flow, got \['depth'\]"),
        (('rgb', 'Flow'), r"of rgb, flow, got \['Flow'\]"),
        ((), 'got none'),
        (('rgb', 'rgb'), 'a name twice'),
    ],
)
def test_names_that_do_not_exist(names, message):
    with pytest.raises(ValueError, match=message):
        PackModalities(names)


def test_representation():
    assert repr(PackModalities('flow')) == "PackModalities(modalities='flow')"
