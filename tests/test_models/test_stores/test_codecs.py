# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dynkd.models.stores import FORMATS, Codec, build_codec


def some_logits(rows: int, classes: int, scale: float, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, classes, generator=generator) * scale


def stored(codec: Codec, logits: torch.Tensor) -> torch.Tensor:
    """The probabilities after a round trip."""
    return codec.decode(codec.encode(logits))


def divergence(logits: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    """KL(full || stored) of each row, in float64."""
    full = logits.double().log_softmax(1)
    return (full.exp() * (full - kept.double().log())).sum(1)


@pytest.mark.parametrize(
    'format, k, expected',
    [
        ('float32', None, 4000),
        ('float16', None, 2000),
        ('uint8', None, 1004),
        ('topk', None, 80),
        ('topk', 5, 20),
    ],
)
def test_bytes_of_a_row(format, k, expected):
    codec = build_codec(format, 1000, k)
    rows = codec.encode(some_logits(3, 1000, 3.0))
    assert codec.row_bytes == expected
    assert rows.shape == (3, expected) and rows.dtype == torch.uint8


def test_float32_keeps_the_softmax():
    codec = build_codec('float32', 37)
    logits = some_logits(8, 37, 5.0)
    found = stored(codec, logits)
    torch.testing.assert_close(found, logits.softmax(1), rtol=1e-6, atol=1e-12)
    # The bytes themselves lose nothing.
    assert torch.equal(codec.encode(logits).view(torch.float32), found)


@settings(deadline=None, max_examples=60)
@given(
    format=st.sampled_from(FORMATS),
    classes=st.integers(1, 40),
    scale=st.floats(0, 60),
    seed=st.integers(0, 2**16),
)
def test_what_is_decoded_is_a_distribution(format, classes, scale, seed):
    codec = build_codec(format, classes)
    logits = some_logits(6, classes, scale, seed)
    found, full = stored(codec, logits), logits.softmax(1)
    assert found.dtype == torch.float32 and found.shape == full.shape
    assert found.isfinite().all() and (found >= 0).all()
    torch.testing.assert_close(found.sum(1), torch.ones(6), atol=1e-5, rtol=0)
    # The greatest probability is where it was, ties aside.
    top = full.gather(1, found.argmax(1, keepdim=True))[:, 0]
    assert (top >= 0.9 * full.amax(1)).all()


@pytest.mark.parametrize('scale', [0.5, 2.0, 5.0])
@pytest.mark.parametrize('format, limit', [('float16', 1e-6), ('uint8', 1.5e-4)])
def test_divergence_is_small(format, limit, scale):
    codec = build_codec(format, 1000)
    logits = some_logits(64, 1000, scale)
    found = divergence(logits, stored(codec, logits))
    assert found.max() < limit


def test_uint8_steps_are_at_most_a_255th_of_the_span_apart():
    # Slow transcription: each class is one of 256 distances from the greatest.
    logits = some_logits(5, 50, 4.0)
    full = logits.double().softmax(1)
    found = stored(build_codec('uint8', 50, span=10.0), logits).double()
    steps = [10.0 * (code / 255) ** 2 for code in range(256)]
    for row, kept in zip(full, found):
        rest = [i for i in range(50) if i != int(row.argmax())]
        reference = max(rest, key=lambda i: row[i])
        base = min(
            steps, key=lambda s: abs(s - math.log(float(row.max() / row[reference])))
        )
        for i in rest:
            distance = min(math.log(float(row.max() / row[i])), 10.0)
            nearest = base + math.log(float(kept[reference] / kept[i]))
            upper = max(b - a for a, b in zip(steps, steps[1:]))
            assert abs(distance - nearest) < 0.6 * upper + 0.02


def test_uint8_keeps_the_mass_beside_a_confident_prediction():
    logits = torch.zeros(1, 1000)
    logits[0, 3] = 16.0
    full = logits.double().softmax(1)
    found = stored(build_codec('uint8', 1000), logits)
    rest, kept = 1 - full[0, 3], 1 - found[0, 3].double()
    assert 1e-4 < rest < 2e-4
    assert abs(kept / rest - 1) < 0.01


def test_topk_keeps_the_greatest_and_spreads_the_rest():
    full = torch.tensor([[0.5, 0.02, 0.3, 0.01, 0.17]])
    found = stored(build_codec('topk', 5, k=2), full.log())[0]
    expected = torch.tensor([0.5, 0.2 / 3, 0.3, 0.2 / 3, 0.2 / 3])
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=0)


@pytest.mark.parametrize('classes', [40_000, 65_536, 70_000])
def test_topk_of_many_classes(classes):
    full = torch.full((1, classes), 0.1 / (classes - 1))
    full[0, classes - 1] = 0.9
    codec = build_codec('topk', classes, k=1)
    found = stored(codec, full.log())
    assert found.argmax() == classes - 1
    assert codec.row_bytes == (4 if classes <= 65_536 else 6)


def test_default_k_fits_few_classes():
    assert build_codec('topk', 7).k == 7
    assert build_codec('topk', 700).k == 20


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(format='int4'), "format='int4'.*float32, float16, uint8, topk"),
        (dict(format='topk', k=11), r'k=11: .* 1 … 10'),
        (dict(format='topk', k=0), 'k=0'),
        (dict(format='uint8', span=0.0), r'span=0.0.*\(0, 80\]'),
        (dict(format='uint8', span=81.0), 'span=81'),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        build_codec(num_classes=10, **options)


@pytest.mark.parametrize('format', FORMATS)
@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 999), classes=st.integers(1, 40), scale=st.floats(0, 3e4))
def test_what_was_written_is_intact(format, seed, classes, scale):
    codec = build_codec(format, classes)
    logits = some_logits(6, classes, scale, seed)
    # One class at least is possible.
    logits[:3, 1:] = -math.inf
    rows = codec.encode(logits)
    assert codec.intact(rows).all()
    # Bytes of ones are NaN, or classes that there are not.
    rows[2] = 255
    assert codec.intact(rows).tolist() == [True, True, False, True, True, True]
