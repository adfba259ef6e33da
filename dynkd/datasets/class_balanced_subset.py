# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The same share of each class of a data set."""

from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset, force_full_init
from mmengine.registry import DATASETS as MMENGINE_DATASETS

from dynkd.registry import DATASETS

#: Seeds of NumPy's ``RandomState`` are smaller.
SEEDS = 2**32


@DATASETS.register_module()
class ClassBalancedSubset:
    """A data set of which a share of each class's samples is kept.

    For training with few samples, as in Fig. 7 of `Student Network Learning via
    Evolutionary Knowledge Distillation` (25, 50, 75 and 100 %). Which samples are kept
    depends on ``seed`` alone, and a smaller share is part of a larger one. They stay in
    the order of the data set and keep their ``sample_idx`` there.

    Note:
        A data set whose pipeline drops a sample (returns None) takes another one in its
        place, which may be one that is not kept. Pipelines of classification drop none.

    Args:
        dataset (BaseDataset or dict): The data set, derived from MMEngine's
            ``BaseDataset``, with one class per sample, which ``get_cat_ids(index)``
            returns.
        ratio (float): Share to keep, above 0 and up to 1. Of n samples of a class
            ``round(ratio * n)`` are kept, at least one.
        seed (int): Seed of the random choice of samples. Defaults to 0.
        lazy_init (bool): Whether to load the annotations only when they are first
            needed. Defaults to False.

    Raises:
        ValueError: If ``ratio`` or ``seed`` is out of its range; when the annotations
            are loaded, if a class has no sample, or a sample not exactly one class.
        TypeError: If ``dataset`` is not a data set; when the annotations are loaded, if
            it cannot tell the classes of its samples.
    """

    def __init__(
        self,
        # Any: what is no data set gets an advice of its own.
        dataset: Any,
        ratio: float,
        seed: int = 0,
        lazy_init: bool = False,
    ) -> None:
        if not 0 < ratio <= 1:
            raise ValueError(
                'ClassBalancedSubset: ratio must be above 0 and at most 1 (0.25 keeps '
                f'a quarter of each class), got {ratio}'
            )
        if not 0 <= seed < SEEDS:
            raise ValueError(
                f'ClassBalancedSubset: seed must be from 0 to {SEEDS - 1}, got {seed}'
            )
        if isinstance(dataset, dict):
            dataset = MMENGINE_DATASETS.build(dataset)
        if not isinstance(dataset, BaseDataset):
            raise TypeError(
                'ClassBalancedSubset: dataset must be a BaseDataset or its config, got '
                f'{type(dataset).__name__}; wrap the data set itself, and repeat or '
                'concatenate the subset'
            )
        self.dataset = dataset
        self.ratio = ratio
        self.seed = seed
        self._fully_initialized = False
        if not lazy_init:
            self.full_init()

    @property
    def metainfo(self) -> dict[str, Any]:
        """dict: Meta information of the whole data set, its classes among it."""
        return self.dataset.metainfo

    def full_init(self) -> None:
        """Load the annotations and choose the samples.

        Raises:
            ValueError: If a class has no sample, or a sample not exactly one class.
            TypeError: If the data set cannot tell the classes of its samples.
        """
        if self._fully_initialized:
            return
        self.dataset.full_init()
        labels = np.array([self._label(index) for index in range(len(self.dataset))])
        self._check_classes(labels)
        kept = [self._keep(labels, label) for label in np.unique(labels)]
        #: Where in the whole data set the samples are, in ascending order.
        self.indices = np.sort(np.concatenate(kept))
        self._fully_initialized = True

    def _label(self, index: int) -> int:
        name = type(self.dataset).__name__
        try:
            labels = set(self.dataset.get_cat_ids(index))
        except (NotImplementedError, KeyError) as error:
            raise TypeError(
                f'ClassBalancedSubset: {name} does not tell the class of sample '
                f"{index}: it needs get_cat_ids(), and that each sample's 'gt_label', "
                'as the labelled data sets of MMPretrain have'
            ) from error
        if len(labels) != 1:
            raise ValueError(
                f'ClassBalancedSubset: sample {index} of {name} has {len(labels)} '
                f'classes, {sorted(labels)}; it must have exactly one'
            )
        return int(labels.pop())

    def _check_classes(self, labels: np.ndarray) -> None:
        name = type(self.dataset).__name__
        if not len(labels):
            raise ValueError(f'ClassBalancedSubset: {name} has no samples')
        classes = self.metainfo.get('classes') or ()
        found = set(labels.tolist())
        missing = [
            f'{label} ({text})'
            for label, text in enumerate(classes)
            if label not in found
        ]
        if missing:
            shown = ', '.join(missing[:5]) + (', ...' if len(missing) > 5 else '')
            raise ValueError(
                f'ClassBalancedSubset: {len(missing)} of {len(classes)} classes have '
                f'no sample in {name}: {shown}; check its '
                "folder and its 'indices', or name only the classes it has"
            )

    def _keep(self, labels: np.ndarray, label: int) -> np.ndarray:
        """Positions of a class's samples that are kept: the first of a fixed order."""
        positions = np.flatnonzero(labels == label)
        # Other than default_rng's, these numbers are the same in all versions of NumPy.
        order = np.random.RandomState([self.seed, label]).permutation(len(positions))
        return positions[order[: max(1, round(self.ratio * len(positions)))]]

    @force_full_init
    def __len__(self) -> int:
        return len(self.indices)

    @force_full_init
    def __getitem__(self, index: int) -> Any:
        return self.dataset[int(self.indices[index])]

    @force_full_init
    def get_data_info(self, index: int) -> dict[str, Any]:
        """Annotation of a sample.

        Args:
            index (int): Its position in the subset.

        Returns:
            dict: As the data set has it, with the ``sample_idx`` there.
        """
        return self.dataset.get_data_info(int(self.indices[index]))

    @force_full_init
    def get_cat_ids(self, index: int) -> list[int]:
        """Class of a sample.

        Args:
            index (int): Its position in the subset.

        Returns:
            list[int]: The class alone.
        """
        return self.dataset.get_cat_ids(int(self.indices[index]))

    def get_gt_labels(self) -> np.ndarray:
        """Classes of all samples that are kept.

        Returns:
            np.ndarray: Of shape (N,).
        """
        return np.array([self.get_cat_ids(index)[0] for index in range(len(self))])
