# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Losses of MMRazor inside a transfer."""

import pytest
import torch
import torch.nn.functional as F

pytest.importorskip('mmrazor')


@pytest.fixture
def distilled(build, classifier):
    """Build a pair with one transfer between the features before the heads."""

    def distilled(loss: dict, tap: str):
        transfer = dict(source=f'teacher.{tap}', target=f'student.{tap}', loss=loss)
        return build(
            teacher=dict(model=classifier()),
            student=dict(model=classifier()),
            transfers=dict(loss_razor=transfer),
        )

    return distilled


def reference(kind: str, target: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
    """The losses as their papers and PyTorch have them, not by MMRazor's code."""
    if kind == 'KLDivergence':
        source, target = source.softmax(1), target.log_softmax(1)
        return F.kl_div(target, source, reduction='batchmean')
    return F.l1_loss(target, source)


@pytest.mark.parametrize('kind, tap', [('KLDivergence', 'head'), ('L1Loss', 'neck[0]')])
def test_loss_of_mmrazor_acts_on_the_target_alone(distilled, cls_batch, kind, tap):
    model = distilled(dict(type=f'mmrazor.{kind}', loss_weight=1.0), tap)
    seen = []
    transfer = model.transfers['loss_razor']
    transfer.loss.register_forward_pre_hook(lambda module, args: seen.append(args))
    losses = model(**cls_batch(), mode='loss')
    ((target, source),) = seen
    assert torch.allclose(losses['loss_razor'], reference(kind, target, source))
    assert losses['loss_razor'] > 0
    losses['loss_razor'].backward()
    moved = {
        name: any(p.grad is not None and p.grad.any() for p in stream.parameters())
        for name, stream in model.streams.items()
    }
    assert moved == dict(teacher=False, student=True)
