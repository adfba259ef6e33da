# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""A data set of the items of one batch."""

import random
from typing import Any

import torch
from torch.utils.data import Dataset


class Items(Dataset):
    """The items of a batch; each draws random numbers, as augmentation does."""

    metainfo = dict(classes=tuple('abc'))

    def __init__(self, batch: dict) -> None:
        self.images, self.samples = batch['inputs'], batch['data_samples']

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> dict[str, Any]:
        image = self.images[index] + int(random.random() + torch.rand(1))
        return dict(inputs=image, data_samples=self.samples[index])
