# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""A data set in memory: noise of three shades."""

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.registry import DATASETS

CLASSES = ('dark', 'grey', 'bright')


@DATASETS.register_module()
class Shades(BaseDataset):
    """Images of 16 x 16, whose mean brightness is their class.

    Args:
        samples (int): How many.
        seed (int): What they are drawn with.
    """

    METAINFO = dict(classes=CLASSES)

    def __init__(self, samples: int, seed: int = 0, **kwargs) -> None:
        self.samples, self.seed = samples, seed
        super().__init__(**kwargs)

    def load_data_list(self) -> list[dict]:
        rng = np.random.default_rng(self.seed)
        noise = rng.integers(0, 160, (self.samples, 16, 16, 3), dtype=np.uint8)
        return [
            dict(img=image + np.uint8(30 * (i % 3)), gt_label=i % 3)
            for i, image in enumerate(noise)
        ]
