# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""IAKD: the teacher's statistics, combinations, copies and export."""

import copy
import pickle

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS as MMENGINE_MODELS
from mmengine.registry import DefaultScope
from mmengine.runner import load_checkpoint
from mmengine.runner.checkpoint import _load_checkpoint_to_model, get_state_dict

from dynkd.models.methods.iakd import interactive as module
from dynkd.models.streams import export_stream
from dynkd.registry import MODELS

# ------------------------------------------------------------- the teacher's statistics


def test_teacher_s_buffers_stay_bit_identical(interactive, cls_batch, take, step):
    model = interactive()
    before = pickle.dumps(model.stream('teacher').model.state_dict())
    take(0, 2, 4)
    for _ in range(2):
        step(model, cls_batch())
    assert pickle.dumps(model.stream('teacher').model.state_dict()) == before
    assert not any('teacher' in name for name in model.state_dict())
    assert not any(m.training for m in model.stream('teacher').model.modules())


@pytest.mark.parametrize('collect', [get_state_dict, lambda m: m.state_dict()])
@pytest.mark.parametrize('load', [_load_checkpoint_to_model, None])
def test_tracked_statistics_are_in_checkpoints(
    interactive, cls_batch, take, collect, load, step
):
    tracked = dict(interaction=dict(track_teacher_stats=True))
    model = interactive(**tracked)
    teacher = model.stream('teacher').model
    before = {k: v.clone() for k, v in teacher.state_dict().items()}
    take(0)
    step(model, cls_batch())
    blocks = model.interaction.pairs[0].teacher
    changed = {
        k for k, v in teacher.state_dict().items() if not torch.equal(v, before[k])
    }
    assert changed and all(name.startswith(blocks) for name in changed)
    saved = copy.deepcopy(collect(model))
    other = interactive(**tracked)
    other.stream('teacher').model.load_state_dict(before)
    if load is None:
        other.load_state_dict(saved, strict=True)
    else:
        load(other, dict(state_dict=saved), strict=True)
    for key, value in teacher.state_dict().items():
        assert torch.equal(other.stream('teacher').model.state_dict()[key], value)
    with pytest.raises(RuntimeError, match='teacher_stats.backbone.layer1.1.bn1'):
        other.load_state_dict(
            {k: v for k, v in saved.items() if not k.startswith('teacher_stats')}
        )


# ------------------------------------------------------------------------- combinations


def test_hkd_is_one_transfer(
    interactive, kld, cls_batch, take, yielded_head, counted, step
):
    """The teacher then runs whole besides, in evaluation mode."""
    model = interactive(transfers=dict(loss_kd=kld('teacher', 'student')))
    before = yielded_head(model, 'teacher', cls_batch())
    take(0, 1, 2, 3, 4, 5)
    counts = counted(model)
    losses = step(model, cls_batch())
    assert set(losses) >= {'student/loss', 'loss_kd', 'interaction/p'}
    pairs = model.interaction.pairs
    assert counts[f'teacher.{pairs[0].teacher[0]}'] == 2
    assert counts['teacher.head'] == 1
    assert torch.equal(yielded_head(model, 'teacher', cls_batch()), before)


@pytest.fixture
def yielded_head():
    def run(model, stream, batch):
        own = model.stream(stream).model
        training = own.training
        own.eval()
        with torch.no_grad():
            data = own.data_preprocessor(copy.deepcopy(batch), False)
            output = own.head(own.extract_feat(data['inputs']))
        own.train(training)
        return output

    return run


def test_taps_on_pairs_see_what_the_pair_gives(interactive, cls_batch, take, step):
    tap = dict(
        source='teacher.backbone.layer3.2',
        target='student.backbone.layer3.1',
        loss=dict(type='FeatureLoss'),
    )
    model = interactive(transfers=dict(loss_hint=tap))
    for drawn in ((), (4,)):
        take(*drawn)
        losses = step(model, cls_batch())
        assert losses['loss_hint'] > 0


def test_branches_on_pairs_see_what_the_pair_gives(interactive, cls_batch, take, step):
    stages = ['backbone.layer1', 'backbone.layer2.2', 'backbone.layer3']
    branches = dict(module=dict(type='GuidedModule'), stages=stages)
    model = interactive(
        stream=dict(student=dict(branches=branches)), interaction=dict(level='group')
    )
    student = model.stream('student').model
    given = []
    student.branches[1].register_forward_pre_hook(lambda _, args: given.append(args[0]))
    student.backbone.layer2[2].register_forward_hook(
        lambda *args: given.append(args[2])
    )
    for drawn in ((), (1,)):
        take(*drawn)
        given.clear()
        step(model, cls_batch())
        assert given[0] is given[1]


def test_pairs_by_name(interactive, cls_batch, take, counted, step):
    given = [
        dict(student='backbone.layer2.0', teacher=['backbone.layer2.0']),
        dict(
            student=['backbone.layer3.1', 'backbone.layer3.2'],
            teacher='backbone.layer3.4',
        ),
    ]
    model = interactive(interaction=dict(pairs=given))
    take(0, 1)
    counts = counted(model)
    step(model, cls_batch())
    ran = {n for n in counts if n.startswith('teacher.') and n.count('.') == 3}
    assert ran == {'teacher.backbone.layer2.0', 'teacher.backbone.layer3.4'}


def test_a_resting_student_is_not_swapped(interactive, net, cls_batch):
    model = interactive(
        stream=dict(other=dict(model=net(8))),
        phases=[dict(name='rest', frozen=['student'])],
    )
    losses = model(**cls_batch(), mode='loss')
    assert set(losses) == {'other/loss'}


# --------------------------------------------------------------------- copies, failures


def test_copies_and_failures_leave_the_student_as_it_was(
    interactive, cls_batch, take, monkeypatch, step
):
    model = interactive()
    student = model.stream('student').model
    take(0, 1, 2)
    step(model, cls_batch())
    twin = pickle.loads(pickle.dumps(copy.deepcopy(model)))
    losses, its = (m(**cls_batch(), mode='loss') for m in (model, twin))
    assert all(torch.equal(losses[key], its[key]) for key in losses)
    calls = []
    twin.stream('teacher').model.backbone.layer1[1].register_forward_hook(
        lambda *args: calls.append(args)
    )
    model(**cls_batch(), mode='loss')
    assert not calls  # a copy swaps in its own teacher's blocks

    def fail(*args, **kwargs):
        raise RuntimeError('out of memory')

    monkeypatch.setattr(student.head, 'loss', fail)
    with pytest.raises(RuntimeError, match='out of memory'):
        model(**cls_batch(), mode='loss')
    assert not any('forward' in m.__dict__ for m in student.modules())
    assert not any(m.training for m in model.stream('teacher').model.modules())


def test_exported_student_is_plain(interactive, cls_batch, tmp_path, step):
    model = interactive(interaction=dict(track_teacher_stats=True))
    step(model, cls_batch())
    model.eval()
    weights = {
        key.removeprefix('streams.student.'): value
        for key, value in model.state_dict().items()
        if key.startswith('streams.student.')
    }
    out = tmp_path / 'student.pth'
    config = export_stream(model.stream('student').cfg, weights, Config(dict()), out)
    assert 'interaction' not in config.read_text()
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        plain = MMENGINE_MODELS.build(Config.fromfile(config).model).eval()
    load_checkpoint(plain, str(out), strict=True)
    batch = cls_batch()
    own, its = model.val_step(batch), plain.val_step(batch)
    assert all(torch.equal(a.pred_score, b.pred_score) for a, b in zip(own, its))


def test_is_registered():
    assert MODELS.get('dynkd.InteractiveDistillation') is module.InteractiveDistillation
