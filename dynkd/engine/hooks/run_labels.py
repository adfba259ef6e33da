# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Labels and batches of the training's data, checked by :class:`RunCheckHook`."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.runner import Runner

from dynkd.models.algorithms import Distillation
from dynkd.models.streams import class_count, single_value_norm
from dynkd.utils import TrainingData

#: So many samples of a data set are read, spread evenly.
_SAMPLES = 20000


def check_labels(runner: Runner, model: Distillation) -> None:
    """Reject labels that are not classes of a stream that learns from them.

    Args:
        runner (Runner): The runner.
        model (Distillation): The distillation.

    Raises:
        ValueError: If there is such a label.
    """
    classes = {name: class_count(stream.model) for name, stream in learning(model)}
    least = min((count for count in classes.values() if count), default=None)
    if least is None:
        return
    for dataset in base_datasets(runner.train_dataloader.dataset):
        for index, label in labels(dataset):
            if 0 <= label < least:
                continue
            stream = next(n for n, own in classes.items() if own == least)
            raise ValueError(
                f'sample {index} of {type(dataset).__name__} has the label {label}, '
                f'but the stream `{stream}` predicts {least} classes, '
                f'0 to {least - 1}. Set its `num_classes`, or the classes of '
                'the data set.'
            )


def check_single_samples(model: Distillation, data: TrainingData) -> None:
    """Reject batches of one sample where a batch normalisation cannot learn from them.

    Args:
        model (Distillation): The distillation.
        data (TrainingData): The training's data.

    Raises:
        ValueError: If it would have one value per channel.
    """
    if 1 not in (data.batch_size, data.smallest_batch):
        return
    for name, stream in learning(model):
        layer = single_value_norm(stream)
        if layer is not None:
            raise ValueError(
                f'stream `{name}`: the batch normalisation `{layer}` cannot learn from '
                'a batch of one sample whose map is 1 x 1. Train with at least two '
                'samples per batch (`drop_last=True` leaves out a last batch of one).'
            )


def learning(model: Distillation) -> Iterator[tuple[str, Any]]:
    """The streams that learn, by name."""
    for name, stream in model.all_streams.items():
        if not stream.cfg.frozen:
            yield name, stream


def base_datasets(dataset: Any) -> Iterator[BaseDataset]:
    """The data sets of MMEngine's kind inside of wrappers.

    Args:
        dataset (Dataset): A data set, perhaps wrapped.

    Yields:
        BaseDataset: Those that it is made of.
    """
    if isinstance(dataset, BaseDataset):
        yield dataset
        return
    inner = getattr(dataset, 'datasets', None) or [getattr(dataset, 'dataset', None)]
    for own in inner:
        if own is not None:
            yield from base_datasets(own)


def labels(dataset: BaseDataset) -> Iterator[tuple[int, int]]:
    """The labels of a data set that lie in its annotations.

    Args:
        dataset (BaseDataset): The data set.

    Yields:
        tuple[int, int]: Index of a sample, and a label of it.
    """
    step = max(1, len(dataset) // _SAMPLES)
    for index in range(0, len(dataset), step):
        info = dataset.get_data_info(index)
        found = info.get('gt_label', info.get('label', []))
        for label in np.ravel(found).tolist():
            if isinstance(label, int):
                yield index, label
        for instance in info.get('instances') or ():
            if not instance.get('ignore_flag') and 'bbox_label' in instance:
                yield index, instance['bbox_label']
