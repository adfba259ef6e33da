# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import pickle
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmengine.dataset import BaseDataset as EngineDataset
from mmengine.dataset import RepeatDataset
from mmengine.registry import DATASETS, DefaultScope
from mmengine.runner import Runner
from mmpretrain.datasets import BaseDataset
from PIL import Image

from dynkd.datasets.class_balanced_subset import ClassBalancedSubset


class Labels(BaseDataset):
    """A data set of nothing but labels."""

    def __init__(self, labels, classes=None, **kwargs):
        self.labels = labels
        super().__init__(ann_file='', classes=classes, **kwargs)

    def load_data_list(self):
        return [
            dict(gt_label=label, name=f'sample {index}')
            for index, label in enumerate(self.labels)
        ]


class Plain(EngineDataset):
    """One of MMEngine's own, which does not tell classes."""

    def load_data_list(self):
        return [dict(gt_label=0)]


class Unlabelled(Labels):
    def load_data_list(self):
        return [dict(name='a'), dict(name='b')]


class Several(Labels):
    def get_cat_ids(self, idx):
        return self.get_data_info(idx)['gt_label']


def kept(labels, ratio, seed=0):
    # MMEngine collects garbage whenever it serialises.
    dataset = Labels(labels, serialize_data=False)
    return ClassBalancedSubset(dataset, ratio, seed).indices.tolist()


def unbalanced(classes=4, seed=0):
    """Labels in no order, of classes with 10, 20, 30, ... samples."""
    labels = [label for label in range(classes) for _ in range(10 * (label + 1))]
    return np.random.RandomState(seed).permutation(labels).tolist()


@pytest.mark.parametrize('ratio', [0.25, 0.5, 0.75, 1.0])
def test_the_same_share_of_every_class_is_kept_in_order(ratio):
    labels = unbalanced()
    subset = ClassBalancedSubset(Labels(labels), ratio)
    found = Counter(subset.get_gt_labels().tolist())
    assert found == {c: round(ratio * 10 * (c + 1)) for c in range(4)}
    assert len(subset) == sum(found.values())
    assert (np.diff(subset.indices) > 0).all()
    if ratio == 1:
        assert subset.indices.tolist() == list(range(len(labels)))


def test_samples_are_those_of_the_data_set():
    dataset = Labels(unbalanced(), classes=('a', 'b', 'c', 'd'))
    subset = ClassBalancedSubset(dataset, 0.3)
    for index, original in enumerate(subset.indices.tolist()):
        info = subset.get_data_info(index)
        assert info == dataset.get_data_info(original)
        assert subset[index] == info
        assert info['sample_idx'] == original
        assert info['name'] == f'sample {original}'
        assert subset.get_cat_ids(index) == [info['gt_label']]
    assert subset[-1]['sample_idx'] == subset.indices[-1]
    assert subset.dataset is dataset
    assert subset.metainfo == {'classes': ('a', 'b', 'c', 'd')}
    with pytest.raises(IndexError):
        subset[len(subset)]


LABELS = st.lists(st.integers(0, 3), min_size=1, max_size=60)
RATIOS = st.floats(0, 1, exclude_min=True)


@given(LABELS, RATIOS, RATIOS, st.integers(0, 2**32 - 1))
def test_a_smaller_subset_is_part_of_a_larger_one(labels, one, other, seed):
    small, large = (kept(labels, r, seed) for r in sorted((one, other)))
    assert set(small) <= set(large)
    assert {labels[index] for index in small} == set(labels)
    counts = Counter(labels[index] for index in small)
    for label, number in Counter(labels).items():
        assert counts[label] == max(1, round(min(one, other) * number))


def test_samples_depend_on_the_seed_alone():
    labels = unbalanced()
    first = kept(labels, 0.5, seed=1)
    np.random.seed(3)
    assert kept(labels, 0.5, seed=1) == first
    assert kept(labels, 0.5, seed=2) != first
    # Also of other classes: what is kept of one does not depend on the others.
    alone = [label if label == 2 else 3 for label in labels]
    chosen = [index for index in first if labels[index] == 2]
    assert [i for i in kept(alone, 0.5, seed=1) if alone[i] == 2] == chosen


def test_samples_are_the_same_everywhere():
    assert kept([0, 1] * 8, 0.5) == [0, 1, 3, 6, 8, 11, 13, 14]


def test_classes_have_orders_of_their_own():
    labels = [0] * 40 + [1] * 40
    found = np.array(kept(labels, 0.5))
    assert found[found < 40].tolist() != (found[found >= 40] - 40).tolist()


@pytest.fixture
def folders(tmp_path):
    """Images in class folders, 8 of each of two classes."""
    for label, name in enumerate(('cat', 'dog')):
        (tmp_path / name).mkdir()
        for index in range(8):
            image = Image.new('RGB', (8, 8), (100 * label, index, 0))
            image.save(tmp_path / name / f'{index}.png')
    return tmp_path


def config(folders, **changes):
    dataset = dict(
        type='CustomDataset',
        data_root=str(folders),
        pipeline=[dict(type='LoadImageFromFile'), dict(type='PackInputs')],
    )
    return dict(type='dynkd.ClassBalancedSubset', dataset=dataset, **changes)


def test_a_config_is_built_in_the_scope_of_the_run(folders):
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        subset = DATASETS.build(config(folders, ratio=0.5))
        sample = subset[7]
    assert isinstance(subset, ClassBalancedSubset)
    assert subset.metainfo['classes'] == ('cat', 'dog')
    assert sample['inputs'].shape == (3, 8, 8)
    assert sample['data_samples'].sample_idx == subset.indices[7]
    assert int(sample['data_samples'].gt_label) == 1


@pytest.mark.parametrize('workers', [0, 1])
def test_a_runner_loads_it(folders, workers):
    loader = dict(
        batch_size=3,
        num_workers=workers,
        sampler=dict(type='DefaultSampler', shuffle=True),
        dataset=config(folders, ratio=0.5, lazy_init=True),
        collate_fn=dict(type='default_collate'),
    )
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        loader = Runner.build_dataloader(loader, seed=0)
        found = [
            sample.sample_idx for batch in loader for sample in batch['data_samples']
        ]
    assert sorted(found) == loader.dataset.indices.tolist()
    assert len(found) == 8


def test_it_can_be_repeated(folders):
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        repeated = DATASETS.build(
            dict(
                type='RepeatDataset',
                times=2,
                dataset=dict(type='CustomDataset', data_root=str(folders)),
            )
        )
    assert isinstance(repeated, RepeatDataset)
    with pytest.raises(TypeError, match='got RepeatDataset; wrap the data set itself'):
        ClassBalancedSubset(repeated, 0.5)


def test_annotations_may_be_loaded_later():
    dataset = Labels([0, 1] * 4, lazy_init=True)
    subset = ClassBalancedSubset(dataset, 0.5, lazy_init=True)
    assert not dataset._fully_initialized
    assert not hasattr(subset, 'indices')
    subset.full_init()
    assert len(subset) == 4


def test_a_copy_is_the_same():
    subset = ClassBalancedSubset(Labels(unbalanced()), 0.5, seed=4)
    twin = pickle.loads(pickle.dumps(subset))
    assert [twin[i] for i in range(len(twin))] == [
        subset[i] for i in range(len(subset))
    ]


@pytest.mark.parametrize('ratio', [0, -0.5, 1.01, float('nan')])
def test_ratio_must_be_a_share(ratio):
    with pytest.raises(ValueError, match='ratio.* must be (above 0|finite)'):
        ClassBalancedSubset(Labels([0, 1]), ratio)


@pytest.mark.parametrize('seed', [-1, 2**32])
def test_seed_must_be_one(seed):
    with pytest.raises(ValueError, match='seed must be from 0 to 4294967295'):
        ClassBalancedSubset(Labels([0, 1]), 0.5, seed)


@pytest.mark.parametrize(
    ('dataset', 'error', 'message'),
    [
        (Labels([0, 2], ('a', 'b', 'c')), ValueError, r'1 of 3 classes.*: 1 \(b\)'),
        (Labels([9], ('a',) * 10), ValueError, r'9 of 10 .* 4 \(a\), \.\.\.; check'),
        (Labels([], serialize_data=False), ValueError, 'Labels has no samples'),
        (Unlabelled([0]), TypeError, "class of sample 0: it needs.*'gt_label'"),
        (Plain(), TypeError, 'Plain does not tell the class of sample 0'),
        (Several([[0], [0, 1]]), ValueError, r'sample 1 of Several has 2 classes'),
        (Several([[0], []]), ValueError, 'sample 1 of Several has 0 classes'),
        ([1, 2], TypeError, 'must be a BaseDataset or its config'),
    ],
)
def test_data_sets_that_do_not_fit(dataset, error, message):
    with pytest.raises(error, match=message):
        ClassBalancedSubset(dataset, 0.5)
