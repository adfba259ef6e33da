# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""IAKD: hybrid in training, the student alone everywhere else."""

import copy

import pytest
import torch

from dynkd.models.schedules import Progress


def test_what_is_run_what_learns_and_what_is_logged(
    interactive, cls_batch, take, counted, step
):
    model = interactive()
    pairs = model.interaction.pairs
    assert len(pairs) == 6
    take(0, 3)
    counts = counted(model)
    losses = step(model, cls_batch())
    assert losses['interaction/p'] == 0.5
    assert losses['interaction/swapped'] == pytest.approx(2 / 6)
    assert set(losses) == {'student/loss', 'interaction/p', 'interaction/swapped'}
    total, logged = model.parse_losses(losses)
    assert total == losses['student/loss'] and 'interaction/p' in logged
    # Of the teacher nothing but the blocks that were drawn, once each.
    drawn = {f'teacher.{name}' for i in (0, 3) for name in pairs[i].teacher}
    assert len(drawn) == 4
    ran = {name for name in counts if name.startswith('teacher.')}
    assert drawn == {name for name in ran if name.count('.') == 3}
    assert all(name.startswith(tuple(drawn)) for name in ran)
    assert all(counts[name] == 1 for name in drawn)
    # Of the student all but the insides of the blocks that were replaced.
    silent = tuple(f'{pairs[i].student[0]}.' for i in (0, 3))
    student = {n for n, _ in model.stream('student').model.named_modules() if n}
    expected = {n for n in student if not n.startswith(silent)}
    own = {n.removeprefix('student.') for n in counts if n.startswith('student.')}
    assert own >= expected - {'data_preprocessor', 'head.loss_module'}
    assert not any(n.startswith(silent) for n in own)
    for name, parameter in model.stream('student').model.named_parameters():
        if name.startswith(silent):
            assert parameter.grad is None, name
        else:
            assert parameter.grad.abs().sum().item() > 0, name
    assert all(p.grad is None for p in model.stream('teacher').model.parameters())


def test_weight_decay_and_momentum_leave_replaced_blocks_alone(
    interactive, cls_batch, take, snapshot, moved, step
):
    """Section 3.2: only the parts that the features go through are updated."""
    model = interactive()
    optimizer = torch.optim.SGD(
        model.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1
    )
    take()
    step(model, cls_batch())
    optimizer.step()
    optimizer.zero_grad()
    before = snapshot(model)
    take(1, 2, 5)
    step(model, cls_batch())
    optimizer.step()
    names = moved(before, snapshot(model))
    silent = tuple(
        f'streams.student.{model.interaction.pairs[i].student[0]}.' for i in (1, 2, 5)
    )
    student = {name for name in before if name.startswith('streams.student.')}
    assert names == {name for name in student if not name.startswith(silent)}


def test_no_draw_of_the_teacher_is_the_plain_student(
    interactive, build, net, cls_batch, counted, step
):
    model = interactive(interaction=dict(probability=1.0))
    plain = build(student=dict(model=net(20)))
    plain.load_state_dict(model.state_dict())
    counts = counted(model)
    losses = step(model, cls_batch())
    assert torch.equal(losses['student/loss'], step(plain, cls_batch())['student/loss'])
    assert losses['interaction/swapped'] == 0
    assert not any(name.startswith('teacher.') for name in counts)
    for own, other in zip(model.parameters(), plain.parameters()):
        assert torch.equal(own.grad, other.grad)


def test_evaluation_is_the_student_s(interactive, build, net, cls_batch, counted, step):
    """Bit for bit: predictions, and losses too."""
    model = interactive(interaction=dict(probability=1e-9))
    for _ in range(3):
        step(model, cls_batch())
    plain = build(student=dict(model=net(20)))
    plain.load_state_dict(model.state_dict())
    counts = counted(model)
    batch = cls_batch()
    model.eval(), plain.eval()
    for own, other in zip(model.val_step(batch), plain.val_step(batch)):
        assert torch.equal(own.pred_score, other.pred_score)
    own, other = (m(**cls_batch(), mode='loss') for m in (model, plain))
    assert set(own) == {'student/loss'} and torch.equal(*own.values(), *other.values())
    model.train(), plain.train()
    own, other = (
        m(**m.data_preprocessor(cls_batch(), True), mode='tensor')
        for m in (model, plain)
    )
    assert torch.equal(own[0], other[0])
    assert not any(name.startswith('teacher.') for name in counts)


def test_paths_change_from_step_to_step_and_follow_p(interactive, progress, cls_batch):
    linear = dict(type='LinearSchedule', start=0.25, stop=1.0)
    model = interactive(interaction=dict(probability=linear))
    shares = []
    for at in range(4):
        progress(epoch=at, iter=at, max_epochs=4, seed=2)
        losses = model(**cls_batch(), mode='loss')
        assert losses['interaction/p'] == pytest.approx(0.25 + 0.25 * at)
        shares.append(losses['interaction/swapped'].item())
    assert len(set(shares)) > 2 and shares[-1] == 0


def test_swapped_share_of_many_steps(interactive, progress):
    """What a training counts, within 4.5 standard deviations."""
    model = interactive(interaction=dict(probability=0.7))
    swapped = 0.0
    models = model.stream('student').model, model.stream('teacher').model
    for at in range(500):
        progress(iter=at)
        with model.interaction.swap(*models, Progress.current()):
            pass
        swapped += model.interaction.stats['swapped'].item() * 6
    assert abs(swapped - 3000 * 0.3) < 4.5 * (3000 * 0.3 * 0.7) ** 0.5


def test_every_process_and_a_resumed_run_draw_the_same(
    interactive, progress, cls_batch
):
    """Whatever their random states are."""
    model = interactive()
    progress(seed=11, iter=40)

    def run(own) -> dict:
        return {k: v.item() for k, v in own(**cls_batch(), mode='loss').items()}

    torch.manual_seed(1)
    first = run(model)
    torch.manual_seed(2)
    state = torch.get_rng_state()
    assert run(copy.deepcopy(model)) == first
    assert torch.equal(torch.get_rng_state(), state)
    others = set()
    for at in range(41, 47):
        progress(iter=at)
        others.add(run(copy.deepcopy(model))['student/loss'])
    assert len(others) > 3


def test_review_needs_its_hook(interactive, progress, cls_batch):
    model = interactive(
        interaction=dict(probability=dict(type='ReviewSchedule', start=0.1))
    )
    progress(epoch=4, max_epochs=9)
    with pytest.raises(RuntimeError, match='LearningRateHook'):
        model(**cls_batch(), mode='loss')
    progress(lr_drops={'': (3,)})
    losses = model(**cls_batch(), mode='loss')
    assert losses['interaction/p'] == pytest.approx(0.1 + 0.9 / 5)


def test_groups(interactive, cls_batch, take, counted, step):
    model = interactive(interaction=dict(level='group'))
    assert [len(pair.student) for pair in model.interaction.pairs] == [2, 2, 2]
    take(1)
    counts = counted(model)
    losses = step(model, cls_batch())
    assert losses['interaction/swapped'] == pytest.approx(1 / 3)
    ran = {n for n in counts if n.startswith('teacher.') and n.count('.') == 3}
    assert ran == {f'teacher.backbone.layer2.{n}' for n in range(1, 5)}
