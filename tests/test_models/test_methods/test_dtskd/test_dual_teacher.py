# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""DTSKD: what the group stands for, against the paper's equations."""

import math

import pytest
import torch

GROUP = dict(type='DualTeacherTransfers')
TAPS = ('student.head', *(f'student.branches.{b}.fc' for b in range(3)))


@pytest.fixture(autouse=True)
def ten_epochs(progress):
    """Say how long the training is, which the schedule of Eq. 7 asks for."""
    progress(max_epochs=10)


@pytest.fixture
def selfish(build, fused):
    """Build a stream with mixed fusion modules, a store, and the group."""

    def make(opened: bool = True, student=None, **group):
        stores = dict(history=dict()) if group.get('historical', 1) else None
        model = build(
            student=fused() if student is None else student,
            transfers=dict(loss_dtskd=dict(GROUP, **group)),
            stores=stores,
        )
        if opened and stores:
            model.stores['history'].open(8, 'a data set')
        return model

    return make


def past(model, scale: float) -> torch.Tensor:
    """Let the store hold an epoch's predictions of the samples 0 to 3."""
    logits = {
        tap: torch.randn(4, 5, generator=torch.Generator().manual_seed(seed)) * scale
        for seed, tap in enumerate(TAPS)
    }
    model.stores['history'].write(torch.arange(4), logits)
    model.stores['history'].end_epoch(1)
    return {tap: value.double().softmax(1) for tap, value in logits.items()}


def test_both_terms_are_their_equations(
    selfish, cls_batch, yielded, divergence, progress
):
    model = selfish(historical=0.3, structural=0.7, level_weights=(4, 1, 2, 3))
    before = past(model, 2.0)
    progress(epoch=2, max_epochs=10)
    beta = 0.45 * (1 + math.cos(3 / 10 * math.pi))  # Eq. 7 in the third epoch
    losses, out = yielded(model, cls_batch(), *TAPS)

    structural = sum(divergence(out[TAPS[0]], out[tap]) for tap in TAPS[1:])  # Eq. 4
    assert losses['loss_dtskd_stru'].item() == pytest.approx(0.7 * structural, rel=5e-4)

    historical = 0.0  # Eqs. 5, 6
    for weight, tap in zip((4, 1, 2, 3), TAPS):
        now = out[tap].softmax(1)
        for i in range(4):
            for k in range(5):
                aim = beta * (k == i % 5) + (1 - beta) * before[tap][i, k].item()
                if aim:
                    historical += weight / 4 * aim * math.log(aim / now[i, k].item())
    assert losses['loss_dtskd_his'].item() == pytest.approx(0.3 * historical, rel=5e-4)


@pytest.mark.parametrize('detach', [True, False])
def test_the_head_is_drawn_to_its_branches_if_asked(detach, selfish, cls_batch):
    """As in the released code; the loss is the same."""
    options = {} if detach else dict(detach_source=False)
    model = selfish(historical=0.0, structural=1.0, **options)
    losses = model(**cls_batch(), mode='loss')
    losses['loss_dtskd_stru'].backward()
    student = model.streams['student']
    assert (student.head.fc.weight.grad is None) == detach
    assert all(own.fc.weight.grad is not None for own in student.branches)
    twin = selfish(historical=0.0, structural=1.0)
    twin.load_state_dict(model.state_dict())
    expected = twin(**cls_batch(), mode='loss')['loss_dtskd_stru']
    torch.testing.assert_close(losses['loss_dtskd_stru'], expected)


def test_the_label_is_the_history_of_the_first_epoch(selfish, cls_batch, yielded):
    model = selfish(
        historical=1.0, structural=0.0, beta=0.0, level_weights=(1, 0, 0, 0)
    )
    losses, out = yielded(model, cls_batch(), TAPS[0])
    labels = torch.arange(4) % 5
    expected = -out[TAPS[0]].log_softmax(1)[range(4), labels].mean().item()
    assert losses['loss_dtskd_his'].item() == pytest.approx(expected, rel=5e-4)


def test_defaults_are_the_papers(selfish):
    model = selfish(opened=False)
    his, stru = (model.transfers[f'loss_dtskd_{end}'] for end in ('his', 'stru'))
    assert his.loss.loss_weight == 0.2
    assert list(his.loss.level_weights) == [3, 1, 1, 1]
    assert stru.loss.loss_weight == 0.8
    assert stru.loss.temperature == 4.0


def test_parts_can_be_left_out(selfish, build, classifier):
    assert set(selfish(structural=0.0).transfers) == {'loss_dtskd_his'}
    assert set(selfish(historical=0.0).transfers) == {'loss_dtskd_stru'}
    # A plain stream's history alone is PS-KD.
    model = selfish(structural=0.0, student=dict(model=classifier()))
    assert len(model.transfers['loss_dtskd_his'].pairs) == 1


def test_a_step_stores_what_the_stream_said(selfish, cls_batch, yielded):
    model = selfish()
    _, out = yielded(model, cls_batch(), *TAPS)
    model.stores['history'].end_epoch(1)
    blank = {tap: torch.zeros(4, 5) for tap in TAPS}
    kept = model.stores['history'].read(torch.arange(4), blank)
    for tap in TAPS:
        torch.testing.assert_close(kept[tap], out[tap].softmax(1).float())


def test_evaluation_stores_nothing(selfish, cls_batch):
    model = selfish().eval()
    with torch.no_grad():
        model(**cls_batch(), mode='loss')
    model.stores['history'].end_epoch(1)
    blank = {tap: torch.full((4, 5), 7.0) for tap in TAPS}
    kept = model.stores['history'].read(torch.arange(4), blank)
    assert all(torch.equal(value, blank[tap]) for tap, value in kept.items())


def test_the_head_teaches_and_learns_only_from_history(selfish, cls_batch):
    model = selfish()
    model(**cls_batch(), mode='loss')['loss_dtskd_stru'].backward()
    graded = {
        n.removeprefix('streams.student.')
        for n, p in model.named_parameters()
        if p.grad is not None and p.grad.abs().sum() > 0
    }
    assert not any(n.startswith('head') for n in graded)
    # The top-down path reaches the last stage from every branch (Eq. 8).
    for part in ('backbone.layer4', 'backbone.layer1', 'branches.0.fc'):
        assert any(n.startswith(part) for n in graded)


def test_a_stream_without_branches_has_no_structural_teacher(selfish, classifier):
    with pytest.raises(
        ValueError, match='`loss_dtskd`: the stream `student` has no br'
    ):
        selfish(student=dict(model=classifier()))


@pytest.mark.parametrize('name', ['historical', 'structural'])
def test_negative_weights_are_refused(selfish, name):
    with pytest.raises(ValueError, match=f'`loss_dtskd`: .*{name}` must not be neg'):
        selfish(**{name: -0.2})


def test_a_store_that_is_not_opened_names_the_hook(selfish, cls_batch):
    with pytest.raises(RuntimeError, match='StoreHook'):
        selfish(opened=False)(**cls_batch(), mode='loss')


def test_a_vision_transformer(selfish, fused, vision_transformer, cls_batch):
    student = dict(fused(), model=vision_transformer(depth=4))
    model = selfish(student=student)
    losses = model(**cls_batch(), mode='loss')
    losses['loss_dtskd_stru'].backward()
    blocks = model.stream('student').model.backbone.layers
    graded = [any(p.grad is not None for p in own.parameters()) for own in blocks]
    # Its last stage is that of the head, which teaches.
    assert len(model.stream('student').branches) == 3 and any(graded[:3])
