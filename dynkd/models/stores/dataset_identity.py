# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The data set of a training, and how its samples are identified."""

import hashlib
from pathlib import PurePath
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from dynkd.utils import first_data_sample

#: Wrappers that leave a sample's ``sample_idx`` as the wrapped data set has it:
#: package and class.
_TRANSPARENT = {
    ('mmengine', 'RepeatDataset'),
    ('mmengine', 'ClassBalancedDataset'),
    ('mmpretrain', 'KFoldDataset'),
    ('torch', 'Subset'),
    ('dynkd', 'ClassBalancedSubset'),
}
_LABELS = ('gt_label', 'label')
#: A data set that has a length, which PyTorch's type does not promise.
SizedDataset = Any
_FILES = ('img_path', 'filename', 'frame_dir', 'path')

#: Number of samples that a fingerprint reads.
_LOOKED_AT = 10_000


def base_dataset(dataset: Dataset) -> SizedDataset:
    """Find the data set that numbers the samples, below its wrappers.

    Args:
        dataset (Dataset): The data set of a training.

    Returns:
        Dataset: The data set whose indices the samples carry as ``sample_idx``.

    Raises:
        ValueError: If several data sets are concatenated, or a wrapper is unknown, so
            that one ``sample_idx`` may mean several samples.
    """
    while True:
        if hasattr(dataset, 'full_init'):
            # Some replace the data set that they wrap then.
            dataset.full_init()
        name = type(dataset).__name__
        parts = getattr(dataset, 'datasets', None)
        if parts is not None:
            if len(parts) != 1:
                raise ValueError(
                    f'{name} joins {len(parts)} data sets, and `sample_idx` begins at '
                    '0 in each: the samples of a store of past predictions must have '
                    'numbers of their own. Make one annotation file of them.'
                )
            dataset = parts[0]
        elif not hasattr(dataset, 'dataset'):
            return dataset
        elif _names(dataset) & _TRANSPARENT:
            dataset = dataset.dataset
        else:
            known = ', '.join(sorted(known for _, known in _TRANSPARENT))
            raise ValueError(
                f'{name} is an unknown wrapper of a data set, so it is not known which '
                'sample of a store of past predictions its `sample_idx` means. Known '
                f'wrappers: {known}.'
            )


def check_sample_idx(dataset: Dataset) -> None:
    """Check that samples come with their index. Random numbers stay as they are.

    Args:
        dataset (Dataset): The data set of a training, with its wrappers.

    Raises:
        ValueError: If the first sample has no ``sample_idx``.
    """
    sample = first_data_sample(dataset)
    if 'sample_idx' not in getattr(sample, 'metainfo', {}):
        raise ValueError(
            f'the samples of {type(dataset).__name__} have no `sample_idx`, by which '
            "past predictions are found. Add 'sample_idx' to the meta_keys of "
            "`PackInputs` (the last transform of the training's pipeline)."
        )


def dataset_fingerprint(dataset: SizedDataset) -> str:
    """Identify a data set by its length, classes, labels and file names.

    The folder of the files does not count, so that the data may be moved. At most
    10,000 samples are read, evenly spaced.

    Args:
        dataset (Dataset): The data set, without wrappers.

    Returns:
        str: 64 hexadecimal digits.
    """
    length = len(dataset)
    metainfo = getattr(dataset, 'metainfo', None) or {}
    digest = hashlib.sha256(f'{length} {metainfo.get("classes")}'.encode())
    if hasattr(dataset, 'get_data_info'):
        for index in np.linspace(0, length - 1, min(length, _LOOKED_AT)).astype(int):
            digest.update(_sample_key(dataset.get_data_info(int(index))))
    return digest.hexdigest()


def _names(dataset: Dataset) -> set[tuple[str, str]]:
    """Package and class name of a data set's class and its bases."""
    return {(c.__module__.partition('.')[0], c.__name__) for c in type(dataset).__mro__}


def _sample_key(info: dict[str, Any]) -> bytes:
    """Label and file name of a sample, or its image if it comes from no file."""
    label = next((info[key] for key in _LABELS if key in info), None)
    label = None if label is None else np.asarray(label).tolist()
    path = next((info[key] for key in _FILES if info.get(key)), None)
    if path is None and 'img' in info:
        own = np.ascontiguousarray(info['img']).tobytes()
    else:
        own = PurePath(str(path)).name.encode()
    return repr(label).encode() + b'\0' + own + b'\0'
