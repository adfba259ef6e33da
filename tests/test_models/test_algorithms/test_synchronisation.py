# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""A step makes an accelerator wait no more often than its models alone do."""

from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

#: Operations whose result the processor waits for.
WAITS = ('_local_scalar_dense', 'nonzero', 'is_nonzero', 'masked_select')


class Waits(TorchDispatchMode):
    """Counts the operations that wait."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        self.count += func.overloadpacket.__name__ in WAITS
        return func(*args, **(kwargs or {}))


def waits(model, batch: dict) -> int:
    """How often a step waits; not the first, in which shapes are checked."""
    for _ in range(2):
        with Waits() as counted:
            losses = model(**batch, mode='loss')
            total, _ = model.parse_losses(losses)
            total.backward()
    return counted.count


@pytest.fixture
def pair(classifier, fcos, kld):
    """Configs of the streams and transfers of a method."""

    def kd(**teacher):
        streams = dict(
            teacher=dict(model=classifier(), **teacher),
            student=dict(model=classifier()),
        )
        return streams, dict(loss_kld=kld('teacher', 'student'))

    def dkd():
        streams, transfers = kd()
        return streams, dict(transfers, loss_back=kld('student', 'teacher'))

    def balanced():
        streams, transfers = dkd()
        for transfer, momentum in zip(transfers.values(), (None, 0.1)):
            weight = dict(type='BalancedWeight', momentum=momentum)
            transfer['loss'] = dict(transfer['loss'], loss_weight=weight)
        return streams, transfers

    def dpk():
        streams, _ = kd(frozen=True)
        connector = dict(
            type='PriorKnowledge', student_channels=64, teacher_channels=64, grid_size=2
        )
        transfer = dict(
            source='teacher.backbone[1]',
            target='student.backbone[1]',
            connector=connector,
            loss=dict(type='FeatureLoss'),
        )
        return streams, dict(loss_dpk=transfer)

    def ekd():
        streams, _ = kd()
        module = dict(type='GuidedModule', out_channels=8)
        for stream in streams.values():
            stream['branches'] = dict(module=module)
        return streams, dict(loss_ekd=dict(type='EvolutionaryTransfers'))

    def detectors():
        streams = dict(teacher=dict(model=fcos()), student=dict(model=fcos()))
        loss = dict(type='KLDLoss', activation='sigmoid')
        transfer = dict(
            source='teacher.bbox_head[0]', target='student.bbox_head[0]', loss=loss
        )
        return streams, dict(loss_kld=transfer)

    def emd():
        streams, _ = kd()
        loss = dict(type='EMDLoss', layout='spatial')
        transfer = dict(
            source='teacher.backbone[1]', target='student.backbone[1]', loss=loss
        )
        return streams, dict(loss_emd=transfer)

    return dict(
        kd=lambda: kd(frozen=True),
        dkd=dkd,
        balanced=balanced,
        dpk=dpk,
        ekd=ekd,
        emd=emd,
        detectors=detectors,
    )


METHODS = ['kd', 'dkd', 'balanced', 'dpk', 'ekd', 'emd', 'detectors']


@pytest.mark.parametrize('method', METHODS)
def test_waits_no_more_than_its_models(method, pair, build, cls_batch, det_batch):
    streams, transfers = pair[method]()
    batch = det_batch() if method == 'detectors' else cls_batch()
    alone = sum(
        waits(build(streams={name: stream}).train(), batch)
        for name, stream in streams.items()
        if not stream.get('frozen')
    )
    model = build(streams=streams, transfers=transfers).train()
    assert waits(model, batch) <= alone


@pytest.mark.parametrize('format', ['float32', 'uint8', 'topk'])
def test_dtskd_waits_for_no_value(build, classifier, cls_batch, progress, format):
    """On the first epoch's labels, and on what the store has kept of it."""
    progress(max_epochs=2)
    branches = dict(module=dict(type='MixedFusionModule'), loss_weight=0.0)
    student = dict(model=classifier(), loss_weight=0.0, branches=branches)
    alone = waits(build(streams=dict(student=student)), cls_batch())
    k = dict(k=2) if format == 'topk' else {}
    model = build(
        streams=dict(student=student),
        stores=dict(history=dict(format=format, **k)),
        transfers=dict(loss_dtskd=dict(type='DualTeacherTransfers')),
    )
    store = model.stores['history']
    store.open(4, 'a data set')
    assert waits(model, cls_batch()) <= alone
    store.end_epoch(1)
    assert waits(model, cls_batch()) <= alone


def test_iakd_waits_for_no_value(build, classifier, cls_batch):
    """Neither where the teacher's blocks run nor where the student's do."""
    alone = waits(build(student=dict(model=classifier())), cls_batch())
    for probability in (1.0, 1e-12):
        model = build(
            teacher=dict(model=classifier(), frozen=True),
            student=dict(model=classifier()),
            type='dynkd.InteractiveDistillation',
            interaction=dict(
                probability=probability,
                pairs=[
                    dict(student=['backbone.layer1.1'], teacher=['backbone.layer1.1'])
                ],
            ),
        )
        assert waits(model, cls_batch()) <= alone


def test_waiting_is_counted():
    with Waits() as counted:
        torch.ones(2).sum().item()
    assert counted.count == 1
