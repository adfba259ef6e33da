# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dynkd.models.transfers.losses import KLDLoss


def logits(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [2 * torch.randn(shape, generator=generator).double() for _ in range(2)]


def equation_2(rows_t, rows_s, temperature, activation):
    """Eq. 2 in loops; the rows are the predictions, the source is the reference."""
    total = 0.0
    for row_t, row_s in zip(rows_t.tolist(), rows_s.tolist(), strict=True):
        exp_t = [math.exp(value / temperature) for value in row_t]
        exp_s = [math.exp(value / temperature) for value in row_s]
        for t, s in zip(exp_t, exp_s, strict=True):
            if activation == 'softmax':
                l_t, l_s = t / sum(exp_t), s / sum(exp_s)
                total += l_s * math.log(l_s / l_t)
            else:
                l_t, l_s = t / (1 + t), s / (1 + s)
                total += l_s * math.log(l_s / l_t)
                total += (1 - l_s) * math.log((1 - l_s) / (1 - l_t))
    return total * temperature**2


@pytest.mark.parametrize('temperature', [1.0, 4.0])
@pytest.mark.parametrize('activation', ['softmax', 'sigmoid'])
@pytest.mark.parametrize('shape', [(3, 5), (3, 5, 2, 4), (3, 5, 2, 2, 2)])
def test_sum_is_equation_2(agrees, shape, activation, temperature):
    target, source = logits(*shape)
    rows = [side.movedim(1, -1).reshape(-1, 5) for side in (target, source)]
    expected = equation_2(*rows, temperature, activation)
    loss = {
        reduction: KLDLoss(temperature, activation=activation, reduction=reduction)
        for reduction in ('sum', 'batchmean', 'mean')
    }
    found = {name: one(target, source).item() for name, one in loss.items()}
    agrees('KLDLoss', found['sum'], expected)
    agrees('KLDLoss', found['batchmean'], expected / 3)
    agrees('KLDLoss', found['mean'], expected / len(rows[0]))


def test_is_torchs_with_the_source_as_reference():
    target, source = logits(4, 7)
    expected = torch.nn.functional.kl_div(
        target.log_softmax(1), source.softmax(1), reduction='batchmean'
    )
    assert torch.allclose(KLDLoss()(target, source), expected)
    assert not torch.allclose(KLDLoss()(source, target), expected)


def test_class_dim():
    target, source = logits(2, 3, 4, 5)
    last = [side.movedim(1, -1) for side in (target, source)]
    assert torch.allclose(KLDLoss(class_dim=-1)(*last), KLDLoss()(target, source))


@pytest.mark.parametrize('reduction', ['mean', 'batchmean', 'sum'])
@pytest.mark.parametrize('activation', ['softmax', 'sigmoid'])
def test_anchors_are_predictions_of_their_own(activation, reduction):
    """MMDetection's dense heads reshape their maps to (-1, classes) like this."""
    target, source = logits(2, 3 * 4, 5, 6)
    rows = [side.permute(0, 2, 3, 1).reshape(-1, 4) for side in (target, source)]
    total = equation_2(*rows, 1.0, activation)
    divisor = {'mean': len(rows[0]), 'batchmean': 2, 'sum': 1}[reduction]
    loss = KLDLoss(activation=activation, reduction=reduction, num_anchors=3)
    assert loss(target, source).item() == pytest.approx(total / divisor)


@pytest.mark.parametrize('activation', ['softmax', 'sigmoid'])
def test_gradcheck(activation):
    target, source = (side.requires_grad_() for side in logits(2, 3, 2))
    loss = KLDLoss(2.0, activation=activation)
    assert torch.autograd.gradcheck(loss, (target, source))


def test_temperature_keeps_the_size_of_the_gradient():
    """For high temperatures it tends to the gradient of half the mean squared gap."""
    target, source = logits(2, 5)
    target, source = (side - side.mean(1, keepdim=True) for side in (target, source))
    target.requires_grad_()
    KLDLoss(1e4)(target, source).backward()
    expected = (target - source).detach() / target.size(1) / target.size(0)
    assert torch.allclose(target.grad, expected, atol=1e-3)


@pytest.mark.parametrize('activation', ['softmax', 'sigmoid'])
@pytest.mark.parametrize('scale', [1, 100])
def test_equal_logits_give_zero_and_no_gradient(activation, scale):
    target = (scale * torch.linspace(-1, 1, 24).reshape(2, 3, 4)).requires_grad_()
    value = KLDLoss(activation=activation)(target, target.detach().clone())
    value.backward()
    assert value == 0
    assert target.grad.abs().max() < 1e-7


@pytest.mark.parametrize(
    ('activation', 'expected'), [('softmax', 200.0), ('sigmoid', 200.0)]
)
def test_large_logits(activation, expected):
    target = torch.tensor([[100.0, -100.0]], requires_grad=True)
    source = torch.tensor([[-100.0, 100.0]], requires_grad=True)
    value = KLDLoss(activation=activation)(target, source)
    value.backward()
    assert value.item() == pytest.approx(expected)
    assert target.grad.isfinite().all() and source.grad.isfinite().all()
    assert target.grad.abs().sum() > 0


@settings(deadline=None, max_examples=30)
@given(
    st.integers(0, 2**31),
    st.sampled_from(['softmax', 'sigmoid']),
    st.floats(0.1, 10),
    st.integers(1, 6),
)
def test_never_negative(seed, activation, temperature, classes):
    classes += activation == 'softmax'
    target, source = logits(3, classes, seed=seed)
    value = KLDLoss(temperature, activation=activation)(target, source)
    assert value >= -1e-12
    if activation == 'softmax':
        shifted = KLDLoss(temperature)(target + 3, source - 2)
        assert torch.allclose(shifted, value, atol=1e-9)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({'temperature': 0}, '`temperature` must lie in .* got 0'),
        ({'temperature': -1.0}, '`temperature` must lie in'),
        ({'activation': 'tanh'}, "activation must be one of .* got 'tanh'"),
        ({'reduction': 'none'}, "reduction must be one of .* got 'none'"),
        ({'num_anchors': 0}, '`num_anchors` must be at least 1'),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        KLDLoss(**arguments)


@pytest.mark.parametrize(
    ('arguments', 'target', 'source', 'message'),
    [
        ({}, (2, 5), (2, 7), r'classify into 5 and 7 classes \(dimension 1\)'),
        ({}, (2, 5, 3, 3), (2, 5, 4, 4), 'must correspond one to one'),
        ({}, (2, 5), (2, 5, 1, 1), 'must correspond one to one'),
        ({'class_dim': 2}, (2, 5), (2, 5), 'without a dimension 2'),
        ({'num_anchors': 3}, (2, 5), (2, 5), '5 channels cannot be divided'),
    ],
)
def test_shapes_that_do_not_fit(arguments, target, source, message):
    with pytest.raises(ValueError, match=message):
        KLDLoss(**arguments)(torch.zeros(target), torch.zeros(source))


@pytest.mark.parametrize('activation', ['softmax', 'sigmoid'])
@pytest.mark.parametrize('positives', [0, 1, 7])
def test_divided_by_the_positives_of_all_levels(activation, positives):
    """Against the equation, prediction by prediction, over levels and anchors."""
    levels = [logits(2, 3 * 4, *size, seed=size[0]) for size in ((5, 6), (2, 3))]
    total = 0.0
    for pair in levels:
        rows = [side.permute(0, 2, 3, 1).reshape(-1, 4) for side in pair]
        total += equation_2(*rows, 2.0, activation)
    loss = KLDLoss(2.0, 1, activation, 'positives', num_anchors=3, loss_weight=0.5)
    targets, sources = zip(*levels)
    value = loss(targets, sources, positives=torch.tensor(float(positives)))
    assert value.dtype == torch.float64
    assert value.item() == pytest.approx(0.5 * total / max(positives, 1))


@pytest.mark.parametrize('activation', ['softmax', 'sigmoid'])
def test_gradcheck_by_the_positives(activation):
    target, source = (side.requires_grad_() for side in logits(2, 3, 2, 2))
    loss = KLDLoss(2.0, activation=activation, reduction='positives')
    count = torch.tensor(3.0, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda t, s: loss(t, s, count), (target, source))


def test_positives_that_are_unknown():
    with pytest.raises(TypeError, match="reduction='positives' needs the number"):
        KLDLoss(reduction='positives')(*logits(2, 3))


def test_positives_of_other_reductions_do_not_matter():
    assert not KLDLoss().needs_positives
    pair = logits(2, 3)
    assert KLDLoss()(*pair, positives=torch.tensor(9.0)) == KLDLoss()(*pair)


@pytest.mark.parametrize(
    'own, other, message',
    [
        (66, 44, '66 and 44 channels, which are 6 and 4 anchors of 11 classes each'),
        (10, 11, 'they classify into 10 and 11 classes'),
    ],
)
def test_channels_of_anchors_are_not_called_classes(own, other, message):
    """SSD has 4 anchors on some levels and 6 on others."""
    sides = torch.zeros(2, own, 3, 3), torch.zeros(2, other, 3, 3)
    with pytest.raises(ValueError, match=message):
        KLDLoss()(*sides, classes=(11,))


def test_a_dimension_that_cannot_be_that_of_the_classes():
    with pytest.raises(ValueError, match='choose a tap of its class scores'):
        KLDLoss()(*logits(2, 6), classes=(4, 5))
    assert KLDLoss()(*logits(2, 5), classes=(4, 5)) > 0


@pytest.mark.parametrize(
    ('shape', 'anchors'), [((2, 1), 1), ((2, 1, 4, 4), 1), ((2, 3, 4, 4), 3)]
)
def test_a_softmax_of_one_class_is_refused(shape, anchors):
    """It would be 0, whatever the logits are."""
    target, source = torch.randn(2, *shape)
    with pytest.raises(ValueError, match="one class .* set activation='sigmoid'"):
        KLDLoss(num_anchors=anchors)(target, source)
    assert KLDLoss(num_anchors=anchors, activation='sigmoid')(target, source) > 0
