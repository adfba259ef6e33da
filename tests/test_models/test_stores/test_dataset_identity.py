# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import random
from typing import Any, Optional

import numpy as np
import pytest
import torch
from mmengine.dataset import (
    BaseDataset,
    ClassBalancedDataset,
    ConcatDataset,
    RepeatDataset,
)
from mmpretrain.datasets import KFoldDataset
from mmpretrain.structures import DataSample
from torch.utils.data import Dataset, Subset

from dynkd.models.stores import base_dataset, check_sample_idx, dataset_fingerprint
from dynkd.utils import RandomState


def pack(info: dict) -> dict:
    """A pipeline that draws random numbers, as augmentation does."""
    random.random(), np.random.rand(), torch.rand(1)
    sample = DataSample(metainfo=dict(sample_idx=info['sample_idx']))
    return dict(inputs=torch.zeros(1), data_samples=sample)


def forget(info: dict) -> dict:
    """A pipeline that packs no meta information."""
    return dict(inputs=torch.zeros(1), data_samples=DataSample())


class Pictures(BaseDataset):
    """Data of ten files in three classes."""

    METAINFO = dict(classes=('a', 'b', 'c'))

    def __init__(
        self,
        folder: str = '/data',
        count: int = 10,
        changed: Optional[dict] = None,
        **kwargs: Any,
    ) -> None:
        self.folder, self.count, self.changed = folder, count, changed or {}
        super().__init__(pipeline=[kwargs.pop('pack', pack)], **kwargs)

    def load_data_list(self) -> list[dict]:
        infos = [
            dict(img_path=f'{self.folder}/{i}.png', gt_label=i % 3)
            for i in range(self.count)
        ]
        infos[4].update(self.changed)
        return infos

    def get_cat_ids(self, idx: int) -> list[int]:
        return [self.get_data_info(idx)['gt_label']]


class Mixing(Dataset):
    """A wrapper of which nothing is known."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> dict:
        return self.dataset[index]


def test_wrappers_are_taken_off():
    inner = Pictures()
    wrapped = [
        inner,
        RepeatDataset(inner, times=3),
        ClassBalancedDataset(inner, oversample_thr=0.5),
        Subset(inner, [4, 2, 7]),
        Subset(RepeatDataset(inner, times=2), [15, 3]),
        ConcatDataset([inner]),
    ]
    for dataset in wrapped:
        assert base_dataset(dataset) is inner
        own = [dataset[i]['data_samples'].sample_idx for i in range(len(dataset))]
        assert all(0 <= index < len(inner) for index in own)


@pytest.mark.parametrize('indices', [4, [1, 5, 6, 9]])
def test_a_subset_by_indices_numbers_its_own_samples(indices):
    dataset = Pictures(indices=indices)
    assert base_dataset(dataset) is dataset and len(dataset) == 4
    assert [dataset[i]['data_samples'].sample_idx for i in range(4)] == [0, 1, 2, 3]


def test_folds_number_their_own_samples():
    config = dict(type=Pictures, lazy_init=True)
    folds = KFoldDataset(config, fold=1, num_splits=5)
    base = base_dataset(folds)
    assert len(base) == len(folds) == 8
    own = [folds[i]['data_samples'].sample_idx for i in range(8)]
    assert own == list(range(8))


def test_joined_data_sets_are_refused():
    joined = ConcatDataset([Pictures(), Pictures()])
    with pytest.raises(ValueError, match='ConcatDataset joins 2 .* begins at 0'):
        base_dataset(Subset(joined, [3, 12]))


def test_unknown_wrappers_are_refused():
    with pytest.raises(ValueError, match='Mixing is an unknown wrapper.*RepeatDataset'):
        base_dataset(Mixing(Pictures()))


def test_samples_with_their_index():
    before = RandomState.capture()
    check_sample_idx(RepeatDataset(Pictures(), times=2))
    after = RandomState.capture()
    assert before.python == after.python
    assert torch.equal(before.torch, after.torch)
    assert np.array_equal(before.numpy[1], after.numpy[1])
    assert before.numpy[2] == after.numpy[2]


def test_samples_without_their_index():
    with pytest.raises(ValueError, match="Pictures .*'sample_idx' to the meta_keys"):
        check_sample_idx(Pictures(pack=forget))


def test_the_folder_does_not_count():
    here, there = Pictures(), Pictures('/elsewhere/data')
    assert dataset_fingerprint(here) == dataset_fingerprint(there)


@pytest.mark.parametrize(
    'options',
    [
        dict(count=11),
        dict(changed=dict(gt_label=0)),
        dict(changed=dict(img_path='/data/other.png')),
        dict(metainfo=dict(classes=('a', 'b', 'd'))),
        dict(indices=[1, 0, 2, 3, 4, 5, 6, 7, 8, 9]),
    ],
)
def test_what_counts(options):
    other = dataset_fingerprint(Pictures(**options))
    assert other != dataset_fingerprint(Pictures())


def test_images_count_where_there_are_no_files():
    images = [np.full((2, 2, 3), i, np.uint8) for i in range(2)]
    prints = {
        dataset_fingerprint(Pictures(changed=dict(img_path=None, img=image)))
        for image in images
    }
    assert len(prints) == 2


def test_a_large_data_set_is_looked_at_here_and_there():
    looked_at = []

    class Large(Pictures):
        def load_data_list(self) -> list[dict]:
            return []

        def __len__(self) -> int:
            return 1_280_000

        def get_data_info(self, idx: int) -> dict:
            looked_at.append(idx)
            return dict(gt_label=0, img_path=f'{idx}.png')

    dataset_fingerprint(Large(serialize_data=False))
    assert len(set(looked_at)) == 10_000
    assert (min(looked_at), max(looked_at)) == (0, 1_279_999)
