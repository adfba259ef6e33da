# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The state of all random number generators of a process."""

import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class RandomState:
    """The state of Python's, NumPy's and torch's generators.

    Args:
        python (tuple): State of :mod:`random`.
        numpy (dict): State of NumPy's global generator.
        torch (Tensor): State of torch's CPU generator.
        cuda (tuple of Tensor): States of the GPU generators; empty without one.
    """

    python: tuple[Any, ...]
    numpy: Any
    torch: Tensor
    cuda: tuple[Tensor, ...]

    @classmethod
    def capture(cls) -> 'RandomState':
        """Read the states.

        Returns:
            RandomState: The states as they are.
        """
        cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        return cls(
            random.getstate(), np.random.get_state(), torch.get_rng_state(), tuple(cuda)
        )

    def restore(self) -> None:
        """Set the generators back to these states."""
        random.setstate(self.python)
        np.random.set_state(self.numpy)
        torch.set_rng_state(self.torch)
        if self.cuda:
            torch.cuda.set_rng_state_all(self.cuda)


def seed_everything(*parts: int) -> None:
    """Seed all generators with a number that is made of several.

    Args:
        *parts (int): Non-negative numbers, such as a seed, an epoch and a rank.
            Different tuples give unrelated states.
    """
    words = np.random.SeedSequence(parts).generate_state(2)
    random.seed(int(words[0]))
    np.random.seed(int(words[0]))
    torch.manual_seed(int(words[1]))
