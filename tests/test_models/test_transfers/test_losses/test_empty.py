# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Of an empty batch, every registered loss is a zero that stays on the graph."""

import pytest
import torch

import dynkd  # noqa: F401  # registers all losses
from dynkd.models.schedules import Progress
from dynkd.models.transfers.losses import TransferLoss
from dynkd.registry import MODELS

MAPS, LOGITS = (0, 4, 3, 2), (0, 4)
#: Arguments of each registered loss, and the shapes and arguments of an empty batch.
LOSSES = [
    *(
        (dict(type='EMDLoss', layout=layout, p=p, solver=solver), shape, {})
        for layout in ('spatial', 'channel', 'batch')
        for p in (1, 2)
        for solver in ('auto', 'sinkhorn')
        for shape in (MAPS, LOGITS, (0, 5, 4), (0, 4, 2, 3, 3))
    ),
    *(
        (dict(type='MMDLoss', layout=layout), shape, {})
        for layout in ('spatial', 'channel', 'batch')
        for shape in (MAPS, LOGITS)
    ),
    *(
        (dict(type='FeatureLoss', kind=kind), MAPS, {})
        for kind in ('mse', 'l1', 'cosine')
    ),
    *(
        (dict(type='KLDLoss', activation=activation, reduction=reduction), shape, {})
        for activation in ('softmax', 'sigmoid')
        for reduction in ('mean', 'batchmean', 'sum')
        for shape in (MAPS, LOGITS)
    ),
    *((dict(type=name), MAPS, {}) for name in ('ATLoss', 'CWDLoss', 'PKDLoss')),
    *((dict(type=name), MAPS, {}) for name in ('SPLoss', 'RKDLoss', 'PKTLoss')),
    (dict(type='DISTLoss'), LOGITS, {}),
    (dict(type='VIDLoss', target_channels=4, source_channels=4), MAPS, {}),
    (dict(type='MGDLoss', channels=4), MAPS, {}),
    (dict(type='HCLLoss'), MAPS, {}),
    *(
        (dict(type='LDLoss', region=region), (0, 8, 3, 2), dict(data_samples=[]))
        for region in ('boxes', 'all')
    ),
    (dict(type='DecoupledKDLoss'), LOGITS, dict(data_samples=[])),
    (
        dict(type='HistoricalLoss', beta=0.5, level_weights=[3.0, 1.0]),
        LOGITS,
        dict(data_samples=[], progress=Progress(max_epochs=1, max_iters=1)),
    ),
    *(
        (
            dict(type='FGDLoss', foreground=own, background=own, **others),
            MAPS,
            dict(data_samples=[]),
        )
        for own, others in ((1.0, {}), (0.0, dict(relation=1.0, channels=4)))
    ),
    *(
        (
            dict(
                type='RandomLevelsLoss',
                probability=probability,
                loss=dict(type='FeatureLoss'),
            ),
            MAPS,
            dict(progress=Progress(max_epochs=1, max_iters=1)),
        )
        for probability in (1e-9, 1.0)
    ),
]


def test_every_registered_loss_is_here():
    registered = {
        name
        for name, kind in MODELS.module_dict.items()
        if isinstance(kind, type)
        and issubclass(kind, TransferLoss)
        and kind.__module__.startswith('dynkd.')
    }
    # It has one level only, and a test of its own.
    assert registered == {cfg['type'] for cfg, _, _ in LOSSES} | {'CRDLoss'}


@pytest.mark.parametrize(
    ('cfg', 'shape', 'extra'),
    LOSSES,
    ids=['-'.join(map(str, [*cfg.values(), shape])) for cfg, shape, _ in LOSSES],
)
def test_of_an_empty_batch_it_is_a_zero_on_the_graph(cfg, shape, extra):
    loss = MODELS.build(dict(cfg))
    target, other = (torch.empty(shape, requires_grad=True) for _ in range(2))
    value = loss([target, other], [torch.empty(shape), torch.empty(shape)], **extra)
    assert value.shape == () and value.item() == 0
    value.backward()
    if cfg['type'] != 'RandomLevelsLoss':
        assert other.grad.shape == shape
    assert target.grad.shape == shape
    for name, parameter in loss.named_parameters():
        assert parameter.grad is not None and not parameter.grad.any(), name


@pytest.mark.parametrize(
    'cfg',
    [
        dict(type='EMDLoss', layout='spatial'),
        dict(type='EMDLoss', layout='channel'),
        dict(type='EMDLoss', layout='batch'),
        dict(type='MMDLoss', layout='spatial'),
        dict(type='FeatureLoss'),
        dict(type='KLDLoss'),
        dict(type='ATLoss'),
        dict(type='CWDLoss'),
        dict(type='PKDLoss'),
        dict(type='DISTLoss'),
        dict(type='SPLoss'),
        dict(type='RKDLoss'),
        dict(type='PKTLoss'),
    ],
    ids=lambda cfg: '-'.join(cfg.values()),
)
@pytest.mark.parametrize('shape', [MAPS, LOGITS])
def test_an_empty_side_beside_a_full_one_is_an_error(cfg, shape):
    loss = MODELS.build(dict(cfg))
    with pytest.raises(ValueError, match='batch size'):
        loss(torch.empty(shape), torch.empty(2, *shape[1:]))


@pytest.mark.parametrize('layout', ['spatial', 'channel'])
@pytest.mark.parametrize('name', ['EMDLoss', 'MMDLoss'])
def test_clouds_without_points_are_an_error(name, layout):
    loss = MODELS.build(dict(type=name, layout=layout))
    shape = (2, 4, 0, 3) if layout == 'spatial' else (2, 0, 3, 3)
    with pytest.raises(ValueError, match='one of them has no points'):
        loss(torch.empty(shape), torch.empty(shape))


def test_historys_first_real_batch_is_still_checked():
    loss = MODELS.build(dict(type='HistoricalLoss', beta=0.5))
    progress = Progress(max_epochs=1, max_iters=1)
    loss(torch.empty(LOGITS), torch.empty(LOGITS), [], progress)
    from mmpretrain.structures import DataSample

    sample = DataSample().set_gt_label(1)
    with pytest.raises(ValueError, match='holds no probabilities'):
        loss(torch.randn(1, 4), torch.full((1, 4), 7.0), [sample], progress)
