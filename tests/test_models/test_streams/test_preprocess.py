# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Batches to classify are preprocessed as MMPretrain does it, with less work."""

import copy
from typing import Any, Callable

import numpy as np
import pytest
import torch

from dynkd.models.streams.preprocess import preprocess

MEAN, STD = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]


@pytest.fixture
def preprocessor() -> Callable[..., Any]:
    """MMPretrain's data preprocessor of images to classify, which counts its runs."""
    from mmpretrain.models import ClsDataPreprocessor

    return lambda **cfg: ClsDataPreprocessor(**{**dict(mean=MEAN, std=STD), **cfg})


@pytest.fixture
def plain_runs(monkeypatch) -> list[int]:
    """One item for each run of MMPretrain's own code, from now on."""
    from mmpretrain.models import ClsDataPreprocessor

    runs: list[int] = []
    plain = ClsDataPreprocessor.forward

    def forward(self, data, training=False):
        runs.append(1)
        return plain(self, data, training)

    monkeypatch.setattr(ClsDataPreprocessor, 'forward', forward)
    return runs


def images(*shape: int, dtype: torch.dtype = torch.uint8) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, shape, generator=generator).to(dtype)


def labelled(count: int) -> list:
    from mmpretrain.structures import DataSample

    return [DataSample().set_gt_label([i, 4 - i][: 1 + i % 2]) for i in range(count)]


@pytest.mark.parametrize(
    'cfg',
    [
        dict(),
        dict(to_rgb=True),
        dict(pad_size_divisor=8, pad_value=7),
        dict(to_rgb=True, pad_size_divisor=4),
        dict(mean=None, std=None),
        dict(mean=[1.5], std=[2.5]),
    ],
    ids=str,
)
@pytest.mark.parametrize(
    'inputs',
    [
        images(3, 3, 9, 10),
        images(3, 3, 9, 10, dtype=torch.float32),
        images(3, 3, 9, 10, dtype=torch.float64),
        list(images(3, 3, 8, 12)),
        tuple(images(3, 3, 9, 10, dtype=torch.float32)),
        images(3, 1, 9, 10),
    ],
    ids=['uint8', 'float32', 'float64', 'list', 'tuple of float32', 'gray'],
)
def test_to_the_bit_as_mmpretrain(preprocessor, plain_runs, cfg, inputs):
    own = preprocessor(**cfg)
    batch = dict(inputs=inputs, data_samples=labelled(3))
    before = copy.deepcopy(batch)
    found = preprocess(own, batch, True)
    assert not plain_runs
    expected = own(copy.deepcopy(before), True)
    assert found.keys() == expected.keys()
    assert found['inputs'].dtype is expected['inputs'].dtype
    assert torch.equal(found['inputs'], expected['inputs'])
    for one, other in zip(found['data_samples'], expected['data_samples']):
        assert torch.equal(one.gt_label, other.gt_label)
    # The data loader's images are not written into.
    for one, other in zip(batch['inputs'], before['inputs']):
        assert torch.equal(one, other)


def test_in_float64_as_mmpretrain(preprocessor):
    """A model in double precision has its mean and deviation in it."""
    own = preprocessor().double()
    batch = dict(inputs=images(2, 3, 4, 4), data_samples=None)
    found, expected = preprocess(own, batch, True), own(batch, True)
    assert found['inputs'].dtype is expected['inputs'].dtype is torch.float64
    assert torch.equal(found['inputs'], expected['inputs'])
    assert found['data_samples'] is expected['data_samples'] is None


def test_labels_move_together(preprocessor, plain_runs):
    own = preprocessor().to('meta')
    samples = labelled(3)
    found = preprocess(own, dict(inputs=images(3, 3, 4, 4), data_samples=samples), True)
    assert not plain_runs and found['inputs'].is_meta
    labels = [sample.gt_label for sample in found['data_samples']]
    assert [tuple(label.shape) for label in labels] == [(1,), (2,), (1,)]
    assert all(label.is_meta for label in labels)
    assert len({label.untyped_storage()._cdata for label in labels}) == 1


def one_of_another_size(own, batch):
    batch['inputs'] = [*batch['inputs'], images(3, 5, 6)]
    batch['data_samples'] = labelled(3)


def several_tasks(own, batch):
    from mmpretrain.structures import MultiTaskDataSample

    batch['data_samples'] = [MultiTaskDataSample() for _ in range(2)]


def scores(own, batch):
    for sample in batch['data_samples']:
        sample.set_gt_score(np.eye(5)[0])


def a_hook(own, batch):
    own.register_forward_hook(lambda module, args, output: None)


def more_than_is_known(own, batch):
    own.blur = 3


def one_hot(own, batch):
    own.to_onehot, own.num_classes = True, 5


def mixup(own, batch):
    from mmpretrain.models.utils import RandomBatchAugment

    one_hot(own, batch)
    own.batch_augments = RandomBatchAugment(dict(type='Mixup', alpha=1.0))


def no_image_to_classify(own, batch):
    own.mean, own.std = own.mean[..., None], own.std[..., None]
    batch['inputs'] = images(2, 3, 2, 4, 4)


@pytest.mark.parametrize(
    'change',
    [
        one_of_another_size,
        several_tasks,
        scores,
        a_hook,
        more_than_is_known,
        one_hot,
        mixup,
        no_image_to_classify,
    ],
)
def test_the_rest_is_left_to_mmpretrain(preprocessor, plain_runs, change):
    own = preprocessor()
    batch = dict(inputs=list(images(2, 3, 4, 4)), data_samples=labelled(2))
    change(own, batch)
    preprocess(own, batch, True)
    assert len(plain_runs) == 1


def test_one_of_a_subclass_is_called(preprocessor, plain_runs):
    class Inverted(type(preprocessor())):
        def forward(self, data, training=False):
            return super().forward(dict(data, inputs=255 - data['inputs']), training)

    own = Inverted(mean=MEAN, std=STD)
    batch = dict(inputs=images(2, 3, 4, 4), data_samples=labelled(2))
    found = preprocess(own, batch, True)
    assert len(plain_runs) == 1
    upright = preprocess(preprocessor(), batch, True)
    assert not torch.equal(found['inputs'], upright['inputs'])
