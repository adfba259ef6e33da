# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""FGD as a transfer between two detectors."""

import pytest
import torch

from dynkd.models.algorithms import Distillation

ALIGNER = dict(type='ChannelAligner', in_channels=8, out_channels=16, num_levels=3)
LOSS = dict(
    type='FGDLoss',
    foreground=2e-3,
    background=5e-4,
    attention=5e-4,
    relation=5e-6,
    channels=16,
    num_levels=3,
)


@pytest.fixture
def distil(fcos):
    """A frozen FCOS and one of half its channels, with transfers between necks."""

    def build(**transfers):
        streams = dict(
            teacher=dict(model=fcos(channels=16), frozen=True),
            student=dict(model=fcos(channels=8)),
        )
        ways = dict(source='teacher.neck', target='student.neck')
        return Distillation(
            streams, {name: dict(ways, **own) for name, own in transfers.items()}
        )

    return build


def test_a_step(distil, det_batch):
    model = distil(loss_fgd=dict(target_connector=ALIGNER, loss=LOSS))
    model.init_weights()
    found = model(**det_batch(), mode='loss')
    terms = [found[f'fgd/{name}'] for name in list(LOSS)[1:5]]
    assert found['loss_fgd'].item() == pytest.approx(sum(terms).item(), rel=1e-5)
    assert all(term > 0 for term in terms)
    found['loss_fgd'].backward()
    student = model.stream('student').model
    for parameter in [*student.backbone.parameters(), *student.neck.parameters()]:
        assert parameter.grad is not None
    assert all(p.grad is None for p in student.bbox_head.parameters())
    assert all(p.grad is not None for p in model.transfers['loss_fgd'].parameters())


def test_dpk_inside_fgd_is_two_transfers(distil, det_batch):
    mimicking = dict(type='FGDLoss', foreground=2e-3, background=5e-4)
    connector = dict(
        type='PriorKnowledge',
        student_channels=8,
        teacher_channels=16,
        num_levels=3,
        embed_dims=16,
        num_heads=2,
        encoder_depth=1,
        decoder_depth=1,
        patch_size=[2, 1, 1],
        ratio=dict(type='CKARatio', samples='positions'),
    )
    model = distil(
        loss_dpk=dict(connector=connector, loss=mimicking),
        loss_fgd=dict(
            target_connector=ALIGNER, loss=dict(LOSS, foreground=0.0, background=0.0)
        ),
    )
    model.init_weights()
    found = model(**det_batch(), mode='loss')
    assert {key for key in found if key.startswith(('dpk/fore', 'dpk/back'))} == {
        'dpk/foreground',
        'dpk/background',
    }
    assert 'fgd/foreground' not in found
    assert {'fgd/attention', 'fgd/relation', 'dpk/ratio_0'} <= set(found)
    total = found['loss_dpk'] + found['loss_fgd']
    assert torch.isfinite(total)
    total.backward()
    assert all(
        p.grad is not None for p in model.stream('student').model.neck.parameters()
    )


@pytest.mark.parametrize(
    ('transfer', 'message'),
    [
        (dict(loss=LOSS), r'loss_fgd.*in_channels=8, out_channels=16'),
        (
            dict(target_connector=ALIGNER, loss=dict(LOSS, num_levels=5)),
            r'loss_fgd.*target has 3 level\(s\).*num_levels=5',
        ),
        (
            dict(target_connector=ALIGNER, loss=dict(LOSS, channels=32)),
            'loss_fgd.*have 16 channels, but channels=32',
        ),
    ],
)
def test_what_does_not_fit_shows_when_it_is_built(transfer, message, distil):
    with pytest.raises(ValueError, match=message):
        distil(loss_fgd=transfer)


def test_batches_without_boxes(distil, det_batch):
    model = distil(loss_fgd=dict(target_connector=ALIGNER, loss=LOSS))
    batch = det_batch()
    empty = batch['data_samples'][1]
    empty.gt_instances = empty.gt_instances[:0]
    assert torch.isfinite(model(**batch, mode='loss')['loss_fgd'])
