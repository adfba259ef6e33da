# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Stores as sources of transfers: what is refused, and methods combined."""

from types import SimpleNamespace

import pytest
import torch

from dynkd.models.stores.history import History
from dynkd.models.taps import Tap

LOSS = dict(type='HistoricalLoss', beta=0.5)
HIS = dict(source='history.student.head', target='student.head', loss=LOSS)


@pytest.fixture
def past(build, classifier):
    """Build a student that learns from its own past."""

    def make(student=None, transfer=None, store=None, **cfg):
        transfers = dict(loss_his=dict(HIS, **(transfer or {})))
        cfg.setdefault('transfers', transfers)
        cfg.setdefault('stores', dict(history=store or {}))
        return build(student=dict(dict(model=classifier()), **(student or {})), **cfg)

    return make


def test_a_store_keeps_what_transfers_read(past):
    model = past()
    assert [str(tap) for tap in model.history.taps] == ['student.head']


def test_dkd_with_a_history(build, classifier, kld, cls_batch):
    """Methods combine by putting both in one config."""
    model = build(
        teacher=dict(model=classifier(width=16)),
        student=dict(model=classifier()),
        transfers=dict(
            loss_kld_student=kld('teacher', 'student'),
            loss_kld_teacher=kld('student', 'teacher'),
            loss_his=HIS,
        ),
        stores=dict(history=dict()),
    )
    model.stores['history'].open(4, 'a data set')
    first = model(**cls_batch(), mode='loss')
    model.stores['history'].end_epoch(1)
    second = model(**cls_batch(), mode='loss')
    assert {'loss_his', 'loss_kld_student', 'loss_kld_teacher'} <= set(first)
    # The label of the first epoch, and then half of it the own prediction.
    assert second['loss_his'] < first['loss_his']
    second['loss_his'].backward()
    graded = {
        n.split('.')[1] for n, p in model.named_parameters() if p.grad is not None
    }
    assert graded == {'student'}


def test_the_past_of_one_stream_teaches_another(build, classifier, cls_batch):
    transfer = dict(source='past.teacher.head', target='student.head', loss=LOSS)
    model = build(
        teacher=dict(model=classifier()),
        student=dict(model=classifier()),
        transfers=dict(loss_his=transfer),
        stores=dict(past=dict()),
    )
    model.stores['past'].open(4, 'a data set')
    model(**cls_batch(), mode='loss')
    model.stores['past'].end_epoch(1)
    kept = model.stores['past'].read(
        torch.arange(4), {'teacher.head': torch.zeros(4, 5)}
    )
    torch.testing.assert_close(kept['teacher.head'].sum(1), torch.ones(4))


# ------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(transfer=dict(source='history.head')), 'reads the store `history`'),
        (dict(transfer=dict(source='histry.student.head')), 'histry.*Stores.*history'),
        (dict(transfer=dict(source='history.tutor.head')), 'no stream `tutor`'),
        (dict(transfer=dict(source='history.student.hed')), 'no module `hed`'),
        (dict(transfer=dict(source='history.student.backbone[1]')), r'logits of shape'),
        (dict(transfer=dict(detach_source=False)), 'lies in the store `history`'),
        (dict(transfers={}), 'store `history`: no transfer reads it'),
        (dict(store=dict(format='topk', k=6)), '`history`.*k=6.*5 class'),
        (dict(store=dict(format='int4')), '`history`.*int4'),
        (dict(stores=dict(student={})), 'not that of a stream, got `student`'),
        (
            dict(transfer=dict(loss=dict(LOSS, beta=1.5))),
            r'transfer `loss_his`.*beta.*\[0, 1\]',
        ),
        (
            dict(transfer=dict(loss=dict(LOSS, level_weights=[3, 1]))),
            r'transfer `loss_his`.*level_weights',
        ),
    ],
)
def test_bad_input(past, changes, message):
    with pytest.raises(ValueError, match=message):
        past(**changes)


def test_frozen_streams_have_no_history(build, classifier):
    transfer = dict(source='past.teacher.head', target='student.head', loss=LOSS)
    with pytest.raises(ValueError, match='`teacher` is frozen: its predictions'):
        build(
            teacher=dict(model=classifier(), frozen=True),
            student=dict(model=classifier()),
            transfers=dict(loss_his=transfer),
            stores=dict(past=dict()),
        )


@pytest.mark.parametrize('augment', ['Mixup', 'CutMix'])
def test_mixed_images_have_no_history(past, classifier, augment):
    model = classifier(train_cfg=dict(augments=dict(type=augment, alpha=1.0)))
    with pytest.raises(ValueError, match='student'):
        past(student=dict(model=model))


def test_samples_without_an_index(past, cls_batch):
    model = past()
    model.stores['history'].open(4, 'a data set')
    batch = cls_batch()
    for sample in batch['data_samples']:
        sample.pop('sample_idx')
    with pytest.raises(KeyError, match='PackInputs'):
        model(**batch, mode='loss')


def test_nothing_is_written_while_it_is_paused():
    written = []
    store = SimpleNamespace(write=lambda *own: written.append(own))
    history = History({'history': store}, [Tap.parse('history.student.head')])
    sample = SimpleNamespace(sample_idx=3)
    outputs = {Tap.parse('student.head'): torch.zeros(1, 2)}
    with history.paused():
        history.write(outputs, dict(student=[sample]))
    assert written == []
    history.write(outputs, dict(student=[sample]))
    assert len(written) == 1
