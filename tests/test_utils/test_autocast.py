# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
from contextlib import nullcontext

import torch

from dynkd.utils import without_autocast


def product() -> torch.Tensor:
    return torch.ones(2, 2) @ torch.ones(2, 2)


def test_leaves_autocast():
    with torch.autocast('cpu', torch.bfloat16):
        assert product().dtype is torch.bfloat16
        with without_autocast('cpu'):
            assert product().dtype is torch.float32
        assert product().dtype is torch.bfloat16


def test_enters_nothing_where_autocast_is_off(monkeypatch):
    def refused(*args, **kwargs):
        raise AssertionError('autocast was entered')

    monkeypatch.setattr(torch, 'autocast', refused)
    with without_autocast('cpu'):
        assert product().dtype is torch.float32


def test_leaves_it_where_torch_does_not_tell(monkeypatch):
    """Before 2.4, torch told of CUDA alone."""
    entered = []

    def of_cuda() -> bool:
        return False

    def autocast(*args, **kwargs):
        entered.append((args, kwargs))
        return nullcontext()

    monkeypatch.setattr(torch, 'is_autocast_enabled', of_cuda)
    monkeypatch.setattr(torch, 'autocast', autocast)
    without_autocast('cpu')
    assert entered == [(('cpu',), dict(enabled=False))]
