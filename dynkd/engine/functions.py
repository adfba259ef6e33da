# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Functions that a config names."""

import random

import numpy as np
import torch

from dynkd.registry import FUNCTIONS


@FUNCTIONS.register_module()
def seed_worker(worker_id: int) -> None:
    """Seed a data-loading worker again in every epoch.

    MMEngine seeds workers from the run's seed alone, so that each epoch repeats the
    augmentations of the first, or, where workers persist, so that they depend on what
    was drawn before and a resumed run differs. Here they follow torch's generator of
    the main process, which :class:`~dynkd.engine.hooks.ExactResumeHook` sets for each
    epoch and rank. Use it as ``worker_init_fn=dict(type='dynkd.seed_worker')`` in a
    data loader with ``persistent_workers=False``.

    Args:
        worker_id (int): Index of the worker.
    """
    # torch has seeded itself by a draw of the main process, plus the worker's index.
    words = np.random.SeedSequence(torch.initial_seed()).generate_state(1)
    np.random.seed(int(words[0]))
    random.seed(int(words[0]))
