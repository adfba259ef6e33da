# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Each loss of MMRazor in a transfer: it works, or is refused when it is built."""

from typing import Any, Optional

import pytest
import torch

pytest.importorskip('mmrazor')
from mmpretrain.structures import DataSample

from dynkd.models.schedules import Progress
from dynkd.models.taps import Tap
from dynkd.models.transfers import Transfer
from dynkd.registry import MODELS

SOURCE, TARGET = Tap.parse('teacher.m'), Tap.parse('student.m')
LOGITS, MAPS = (4, 5), (4, 6, 4, 4)
LABELS = [0, 3, 2, 2]
#: What works: arguments of the loss, the shape of both sides, the connectors.
WORK: dict[str, tuple[dict, tuple, dict]] = {
    'ABLoss': ({}, MAPS, {}),
    'ATLoss': ({}, MAPS, {}),
    'AngleWiseRKD': ({}, LOGITS, {}),
    'ChannelWiseDivergence': (dict(tau=4.0), MAPS, {}),
    'CrossEntropyLoss': ({}, LOGITS, {}),
    'DISTLoss': ({}, LOGITS, {}),
    'DKDLoss': (dict(tau=4.0, beta=8.0), LOGITS, {}),
    'DistanceWiseRKD': ({}, LOGITS, {}),
    'FBKDLoss': (
        {},
        MAPS,
        dict(
            source_connector=dict(type='mmrazor.FBKDTeacherConnector', in_channels=6),
            target_connector=dict(type='mmrazor.FBKDStudentConnector', in_channels=6),
        ),
    ),
    'FTLoss': (
        {},
        MAPS,
        dict(
            source_connector=dict(
                type='mmrazor.Paraphraser', in_channel=6, out_channel=3, phase='train'
            ),
            target_connector=dict(
                type='mmrazor.Translator', in_channel=6, out_channel=3
            ),
        ),
    ),
    'KDSoftCELoss': ({}, LOGITS, {}),
    'KLDivergence': ({}, LOGITS, {}),
    'L1Loss': ({}, MAPS, {}),
    'L2Loss': ({}, MAPS, {}),
    'MGDLoss': (
        {},
        MAPS,
        dict(
            target_connector=dict(
                type='mmrazor.MGDConnector', student_channels=6, teacher_channels=6
            )
        ),
    ),
    'OFDLoss': ({}, MAPS, {}),
    'PKDLoss': ({}, MAPS, {}),
    'WSLD': (dict(num_classes=5), LOGITS, {}),
    'CRDLoss': (dict(neg_num=3, sample_n=8, dim_out=5), LOGITS, {}),
}
#: What compares nothing: losses of one input.
REFUSED = ['ActivationLoss', 'InformationEntropyLoss', 'OnehotLikeLoss']


def samples() -> list[DataSample]:
    found = []
    for row, label in enumerate(LABELS):
        sample = DataSample().set_gt_label(label)
        # As MMRazor's `PackCRDClsInputs` packs them.
        sample.set_field(torch.tensor(row), 'sample_idx')
        sample.set_field(torch.tensor([row, 5, 6, 7]), 'contrast_sample_idxs')
        found.append(sample)
    return found


def build(name: str, arguments: Optional[dict] = None, **connectors: Any) -> Transfer:
    loss = dict(type=f'mmrazor.{name}', **(arguments or {}))
    transfer = Transfer('teacher.m', 'student.m', loss=loss, **connectors)
    transfer.init_weights()
    return transfer


def outputs(shape: tuple) -> dict[Tap, torch.Tensor]:
    torch.manual_seed(1)
    return {
        tap: torch.randn(shape, requires_grad=True, dtype=torch.float32)
        for tap in (SOURCE, TARGET)
    }


def test_every_loss_of_mmrazor_is_here():
    from mmrazor.models import losses

    assert set(losses.__all__) == {*WORK, *REFUSED}


@pytest.mark.parametrize('name', WORK)
def test_works_and_teaches_the_target_alone(name):
    arguments, shape, connectors = WORK[name]
    transfer = build(name, arguments, **connectors)
    sides = outputs(shape)
    labelled = dict(student=samples())
    loss = transfer(sides, labelled, Progress.beginning())
    assert loss.isfinite().all() and loss.sum() != 0
    loss.sum().backward()
    assert sides[TARGET].grad.any() and sides[SOURCE].grad is None


@pytest.mark.parametrize('name', REFUSED)
def test_a_loss_of_one_input_is_refused(name):
    message = rf'`loss`: {name}\.forward\(\w+\) cannot be called with \(target, source'
    with pytest.raises(ValueError, match=message):
        build(name)


#: Losses of ours that have the equation of one of MMRazor's, and the factor.
ALIKE = {
    'ATLoss': (dict(type='ATLoss'), 1.0),
    'ChannelWiseDivergence': (dict(type='CWDLoss'), 1.0),
    'DISTLoss': (dict(type='DISTLoss'), 1.0),
    'DKDLoss': (dict(type='DecoupledKDLoss'), 1.0),
    'AngleWiseRKD': (dict(type='RKDLoss', distance=0.0, angle=50.0), 1.0),
    # The released variance is the unbiased one, of m = 4 x 4 x 4 values.
    'PKDLoss': (dict(type='PKDLoss'), 64 / 63),
}


@pytest.mark.parametrize('name', ALIKE)
def test_ours_has_the_same_value(name):
    arguments, shape, _ = WORK[name]
    if name == 'AngleWiseRKD':
        arguments = dict(with_l2_norm=False)
    cfg, factor = ALIKE[name]
    theirs = build(name, arguments)
    ours = Transfer('teacher.m', 'student.m', loss=MODELS.build(dict(cfg)))
    values = [
        transfer(outputs(shape), dict(student=samples()), Progress.beginning())
        for transfer in (ours, theirs)
    ]
    assert values[0].item() == pytest.approx(factor * values[1].item(), rel=1e-4)


def test_distances_of_rkd_have_the_same_value():
    cfg = dict(type='RKDLoss', distance=25.0, angle=0.0)
    ours = Transfer('teacher.m', 'student.m', loss=cfg)
    theirs = build('DistanceWiseRKD', dict(with_l2_norm=False))
    values = [
        transfer(outputs(LOGITS), {}, Progress.beginning())
        for transfer in (ours, theirs)
    ]
    assert values[0].item() == pytest.approx(values[1].item(), rel=1e-4)


def test_connectors_of_fbkd_that_pool_keep_what_their_constructor_made():
    """MMCV's non-local block cannot initialise itself again where it pools."""
    connector = dict(
        type='mmrazor.FBKDStudentConnector', in_channels=6, sub_sample=True
    )
    transfer = Transfer(
        'teacher.m',
        'student.m',
        loss=dict(type='FeatureLoss'),
        target_connector=connector,
    )
    before = {k: v.clone() for k, v in transfer.state_dict().items()}
    transfer.init_weights()
    assert all(torch.equal(v, before[k]) for k, v in transfer.state_dict().items())


@pytest.fixture
def ofd(build_distillation):
    def build(**cfg):
        return build_distillation(
            dict(
                source='teacher.neck[0]',
                target='student.neck[0]',
                loss=dict(type='mmrazor.OFDLoss'),
                **cfg,
            )
        )

    return build


@pytest.fixture
def build_distillation(classifier):
    def build(transfer: dict):
        streams = {
            name: dict(model=classifier(), input_shape=(3, 64, 64))
            for name in ('teacher', 'student')
        }
        return MODELS.build(
            dict(
                type='dynkd.Distillation',
                streams=streams,
                transfers=dict(loss_razor=transfer),
            )
        )

    return build


def test_ofds_connector_without_its_margin_is_refused_with_the_transfers_name(ofd):
    connector = dict(type='mmrazor.OFDTeacherConnector')
    with pytest.raises(
        ValueError,
        match='transfer `loss_razor`.*OFDTeacherConnector: margin must be initialized',
    ):
        ofd(source_connector=connector)


def test_crd_is_left_for_the_first_step(build_distillation):
    """Its data samples carry what random inputs do not."""
    loss = dict(type='mmrazor.CRDLoss', neg_num=3, sample_n=8, dim_out=64)
    model = build_distillation(
        dict(source='teacher.neck[0]', target='student.neck[0]', loss=loss)
    )
    assert 'loss_razor' in model.transfers


@pytest.mark.parametrize('name', ['DKDLoss', 'WSLD'])
def test_losses_that_need_labels_have_their_dry_run(build_distillation, name):
    loss = dict(type=f'mmrazor.{name}')
    if name == 'WSLD':
        loss['num_classes'] = 5
    model = build_distillation(
        dict(source='teacher.head', target='student.head', loss=loss)
    )
    assert model.transfers['loss_razor']._extras['loss'] == ('gt_labels',)
