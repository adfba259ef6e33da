# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import pytest
import torch
import torch.nn.functional as F

from dynkd.models.methods.dpk import CKARatio, CosineRatio
from dynkd.models.methods.dpk.cka import cka, cka_of_terms, hsic_terms, position_terms
from dynkd.models.methods.dpk.mask_ratio import build_ratio


def batch(seed, size=8, likeness=1.0):
    """A student's and a teacher's map."""
    generator = torch.Generator().manual_seed(seed)
    student = torch.randn(size, 5, 3, 4, generator=generator)
    noise = torch.randn(size, 5, 3, 4, generator=generator)
    return student, likeness * student.flip(1) + noise


def window_cka(batches):
    """Eq. 7 over minibatches."""
    terms = torch.stack([hsic_terms(teacher, student) for student, teacher in batches])
    return cka_of_terms(terms).item()


@pytest.mark.parametrize('likeness', [0.3, 1.0, 3.0])
def test_is_one_minus_cka(likeness):
    ratio = build_ratio(dict(type='CKARatio'))
    student, teacher = batch(0, likeness=likeness)
    found = ratio(student, teacher)
    expected = cka(teacher, student).item()
    assert found.item() == pytest.approx(1 - expected, abs=1e-6)
    assert ratio.stats['ratio'] is found
    assert ratio.stats['cka'].item() == pytest.approx(expected, abs=1e-6)


def test_the_wider_the_gap_the_more_is_given():
    ratio = CKARatio()
    found = [ratio(*batch(0, likeness=x)).item() for x in (0.3, 1.0, 3.0, 30.0)]
    assert found == sorted(found, reverse=True)
    assert found[-1] < 0.01


def test_no_negative_similarity():
    ratio = CKARatio()
    values = []
    for seed in range(20):
        values.append(ratio(*batch(seed, size=4, likeness=0.0)).item())
        if ratio.stats['cka'] < 0:
            assert values[-1] == 1
    assert min(values) >= 0
    assert 1 in values


def test_window_of_minibatches():
    ratio = CKARatio(window=3)
    batches = [batch(seed, likeness=(seed + 1) / 2) for seed in range(6)]
    for index, sides in enumerate(batches):
        found = ratio(*sides).item()
        expected = window_cka(batches[max(index - 2, 0) : index + 1])
        assert found == pytest.approx(1 - expected, abs=1e-6)


@pytest.mark.parametrize('kind', [CKARatio, CosineRatio])
def test_resumes_exactly(kind):
    ratio = kind(window=3)
    for seed in range(4):
        ratio(*batch(seed))
    resumed = kind(window=3)
    resumed.load_state_dict(ratio.state_dict())
    for seed in (4, 5):
        assert torch.equal(resumed(*batch(seed)), ratio(*batch(seed)))
    assert not torch.equal(kind(window=3)(*batch(5)), ratio(*batch(5)))


def test_a_small_batch_keeps_the_ratio():
    ratio = CKARatio(window=2)
    ratio(*batch(0))
    before = ratio(*batch(1)).item()
    assert ratio(*batch(2, size=3)).item() == before
    found = ratio(*batch(3)).item()
    assert found == pytest.approx(1 - window_cka([batch(1), batch(3)]), abs=1e-6)


def test_a_small_first_batch():
    with pytest.raises(ValueError, match='batch of 3 image.*raise the batch size'):
        CKARatio()(*batch(0, size=3))
    with pytest.raises(ValueError, match='fewer than the 4 positions'):
        student = torch.randn(3, 5, 1, 1)
        CKARatio(samples='positions')(student, student)


def test_positions_of_few_images():
    student, teacher = batch(0, size=2)
    found = CKARatio(samples='positions')(student, teacher).item()
    expected = cka_of_terms(position_terms(teacher, student)[None]).item()
    assert found == pytest.approx(1 - expected, abs=1e-6)


def test_overflow_is_skipped():
    ratio = CKARatio(window=2)
    student, teacher = batch(0)
    assert ratio(student / 0, teacher).item() == 1
    expected = CKARatio()(student, teacher).item()
    assert ratio(student, teacher).item() == pytest.approx(expected, abs=1e-6)
    assert ratio(student * float('nan'), teacher).item() == pytest.approx(expected)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float64])
def test_window_stays_in_float32_when_the_model_is_cast(dtype):
    model = torch.nn.Sequential(CKARatio(window=2), torch.nn.Linear(2, 2))
    ratio = model[0]
    # Estimates beyond what float16 holds.
    sides = [100 * side for side in batch(0)]
    before = ratio(*sides).item()
    kept = ratio.measured.clone()
    assert model.to(dtype)[1].weight.dtype == dtype
    assert dict(model.named_buffers())['0.measured'] is ratio.measured
    assert ratio.measured.dtype == torch.float32
    assert torch.equal(ratio.measured, kept)
    assert ratio(*sides).item() == before < 1
    # A move is no cast.
    assert model.to('meta')[0].measured.is_meta


def test_evaluation_keeps_nothing():
    ratio = CKARatio(window=2)
    ratio(*batch(0))
    before = ratio.measured.clone()
    found = ratio.eval()(*batch(1)).item()
    assert found == pytest.approx(1 - window_cka([batch(1)]), abs=1e-6)
    assert torch.equal(ratio.measured, before)


def test_cosine():
    ratio = build_ratio(dict(type='CosineRatio', window=2))
    batches = [batch(seed) for seed in range(3)]
    for sides in batches:
        found = ratio(*sides).item()
    cosines = [
        F.cosine_similarity(s.flatten(1), t.flatten(1)).mean().item()
        for s, t in batches[1:]
    ]
    assert found == pytest.approx(1 - sum(cosines) / 2, abs=1e-6)
    assert ratio.stats['cosine'].item() == pytest.approx(sum(cosines) / 2, abs=1e-6)
    assert ratio.stats['cka'].item() == pytest.approx(window_cka(batches[2:]), abs=1e-6)
    assert ratio(batches[0][0], -batches[0][0]).item() == 1


def test_cosine_takes_any_batch_but_not_any_channels():
    student, teacher = batch(0, size=1)
    assert 0 < CosineRatio()(student, teacher).item() < 2
    with pytest.raises(ValueError, match='no cosine between the student of shape'):
        CosineRatio()(student, teacher[:, :4])


@pytest.mark.parametrize('kind', [CKARatio, CosineRatio])
def test_no_gradient_and_no_graph(kind):
    student, teacher = batch(0)
    assert not kind()(student.requires_grad_(), teacher).requires_grad


def test_bad_arguments():
    with pytest.raises(ValueError, match='`window` must be at least 1, got 0'):
        CKARatio(window=0)
    with pytest.raises(ValueError, match="must be one of .* got 'pixels'"):
        CKARatio(samples='pixels')
