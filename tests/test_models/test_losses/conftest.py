# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import pytest
import torch


@pytest.fixture(autouse=True)
def seed() -> None:
    """The same random features in every run."""
    torch.manual_seed(0)
