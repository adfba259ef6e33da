# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""A weight with which a transfer's part is a share of the task loss."""

import copy
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmengine.logging import MessageHub

from dynkd.models.schedules import LinearSchedule, Progress
from dynkd.models.transfers import BalancedWeight, Transfer, balanced_weight
from dynkd.registry import OPTIM_WRAPPER_CONSTRUCTORS

LATER = Progress(iter=7)
positive = st.floats(2**-10, 2**10, width=32)


def follow(balance: BalancedWeight, steps: list, progress: Progress = LATER) -> list:
    """The weights of some steps of a training."""
    parts = [[torch.tensor(float(part)) for part in step] for step in steps]
    return [balance(loss, task, progress).item() for task, loss in parts]


# ------------------------------------------------------------------ the number


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(positive, positive), min_size=1, max_size=12),
    st.integers(1, 8),
    st.floats(0.01, 10),
)
def test_weight_is_the_share_of_the_means_so_far(steps, iterations, share):
    """Against the equation in double precision."""
    found = follow(BalancedWeight(share, iterations), steps)
    for index, weight in enumerate(found):
        seen = steps[: min(index + 1, iterations)]
        task, loss = (math.fsum(part) for part in zip(*seen))
        assert weight == pytest.approx(share * task / loss, rel=1e-4)
    assert len(set(found[iterations - 1 :])) <= 1


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(positive, positive), min_size=1, max_size=12),
    st.integers(1, 4),
    st.floats(0.05, 1),
)
def test_weight_that_follows_is_one_of_moving_averages(steps, iterations, momentum):
    found = follow(BalancedWeight(2.0, iterations, momentum), steps)
    means = [0.0, 0.0]
    for index, (step, weight) in enumerate(zip(steps, found)):
        rate = 1 / (index + 1) if index < iterations else momentum
        means = [mean + rate * (new - mean) for mean, new in zip(means, step)]
        assert weight == pytest.approx(2 * means[0] / means[1], rel=1e-3)


@settings(deadline=None, max_examples=30)
@given(positive, positive, positive)
def test_units_of_the_losses_do_not_matter(task, loss, unit):
    """A loss in other units has another weight and the same part."""
    (own,) = follow(BalancedWeight(), [(task, loss)])
    (other,) = follow(BalancedWeight(), [(task, loss * unit)])
    assert other * loss * unit == pytest.approx(own * loss, rel=1e-4)


@pytest.mark.parametrize('bad', [0.0, math.inf, math.nan])
@pytest.mark.parametrize('place', [0, 1])
def test_steps_that_say_nothing_do_not_count(bad, place):
    step = [4.0, 2.0]
    step[place] = bad
    balance = BalancedWeight(iterations=2)
    found = follow(balance, [step, (4, 2), step, (8, 2), step, (1, 2)])
    assert found == [0, 2, 2, 3, 3, 3]
    assert balance.count == 2


def test_half_precision_does_not_reach_the_measurement():
    balance = BalancedWeight(iterations=2).half()
    assert balance.means.dtype == torch.float32
    loss, task = torch.tensor(2e-3).half(), torch.tensor(3e4)
    first = balance(loss, task, LATER)
    assert first.dtype == torch.float32
    assert first == pytest.approx(3e4 / loss.item(), rel=1e-6)


def test_weight_has_no_gradient():
    loss = torch.tensor(2.0, requires_grad=True)
    weight = BalancedWeight()(loss, torch.tensor(6.0), LATER)
    assert not weight.requires_grad
    (loss * weight).backward()
    assert loss.grad == 3


def test_evaluation_measures_nothing():
    balance = BalancedWeight(iterations=2).eval()
    assert follow(balance, [(4, 2), (9, 3)]) == [2, 3]
    assert balance.count == 0
    follow(balance.train(), [(10, 2)])
    assert follow(balance.eval(), [(9, 3)]) == [5]


# ------------------------------------------------------------- when it is measured


def test_each_phase_measures_anew():
    balance = BalancedWeight(iterations=1)
    assert follow(balance, [(4, 2), (9, 1)]) == [2, 2]
    balance.enter(0)
    assert follow(balance, [(9, 1)]) == [2]
    balance.enter(1)
    assert follow(balance, [(9, 1), (5, 1)]) == [9, 9]


def test_a_training_that_begins_measures_anew():
    """One that only loads another's weights, which ended in another phase."""
    balance = BalancedWeight(iterations=1)
    balance.enter(3)
    follow(balance, [(4, 2)])
    begun, resumed = BalancedWeight(iterations=1), BalancedWeight(iterations=1)
    for other, progress, expected in (
        (begun, Progress(), [9, 9]),
        (resumed, LATER, [2, 2]),
    ):
        other.load_state_dict(balance.state_dict())
        assert follow(other, [(9, 1), (5, 1)], progress) == expected
    begun.enter(3)
    assert follow(begun, [(1, 1)]) == [1]
    # One that acts later, in the phase of which the weights have a measurement.
    later = BalancedWeight(iterations=1)
    later.load_state_dict(balance.state_dict())
    later.forget()
    later.enter(3)
    assert follow(later, [(9, 1), (5, 1)], LATER) == [9, 9]


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.tuples(positive, positive), min_size=3, max_size=10),
    st.integers(1, 12),
    st.sampled_from([None, 0.3]),
    st.data(),
)
def test_resumed_at_any_step_it_is_the_same_bit_for_bit(steps, count, momentum, data):
    cut = data.draw(st.integers(1, len(steps) - 1))
    whole = follow(BalancedWeight(1.5, count, momentum), steps)
    first, second = (BalancedWeight(1.5, count, momentum) for _ in 'ab')
    before = follow(first, steps[:cut])
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    second.enter(0)
    assert before + follow(second, steps[cut:]) == whole


def test_what_is_found_is_logged_once(monkeypatch):
    said = []
    monkeypatch.setattr(
        balanced_weight, 'print_log', lambda text, **_: said.append(text)
    )
    balance = BalancedWeight(share=0.5, iterations=2)
    for step in range(4):
        balance(torch.tensor(0.25), torch.tensor(3.0), LATER, '`loss_kld`')
        assert len(said) == (step > 0)
    assert said[0].startswith('Weight of `loss_kld`: 6. It is kept: over 2 iterations')
    assert 'the transfer was 0.25, the task loss of its learner 3' in said[0]


# ----------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ('arguments', 'error', 'message'),
    [
        (dict(share=0), ValueError, 'share` must be positive, got 0'),
        (dict(share=-1.0), ValueError, 'share` must be positive, got -1.0'),
        (dict(share=math.inf), ValueError, 'share` must be finite'),
        (dict(share=math.nan), ValueError, 'share` must be finite'),
        (dict(share='1'), TypeError, "share` must be a number, got '1'"),
        (dict(iterations=0), ValueError, 'iterations` must be at least 1, got 0'),
        (dict(iterations=1.5), TypeError, 'iterations` must be an integer, got 1.5'),
        (dict(iterations=True), TypeError, 'iterations` must be an integer'),
        (dict(momentum=0.0), ValueError, r'momentum` must lie in \(0, 1\], got 0.0'),
        (dict(momentum=1.1), ValueError, r'momentum` must lie in \(0, 1\], got 1.1'),
    ],
)
def test_arguments_out_of_range_stop_the_build(arguments, error, message):
    loss = dict(
        type='FeatureLoss', loss_weight=dict(type='BalancedWeight', **arguments)
    )
    with pytest.raises(error, match=rf'`loss\.loss_weight\.{message}'):
        Transfer('teacher.m', 'student.m', loss=loss)


@pytest.mark.parametrize('name', ['BalanceWeight', 'KLDLoss'])
def test_a_weight_that_is_neither_measured_nor_a_schedule(name):
    loss = dict(type='FeatureLoss', loss_weight=dict(type=name))
    message = f"loss_weight names '{name}', which is neither a measurement"
    with pytest.raises(ValueError, match=message):
        Transfer('teacher.m', 'student.m', loss=loss)


def test_schedules_are_still_schedules():
    weight = dict(type='LinearSchedule', start=0.0, stop=1.0)
    own = Transfer('a.m', 'b.m', loss=dict(type='FeatureLoss', loss_weight=weight))
    assert isinstance(own.schedule.schedule, LinearSchedule) and own.balance is None


def test_without_a_task_loss_in_the_step():
    with pytest.raises(ValueError, match='`loss_x`: its learner has no task loss'):
        BalancedWeight()(torch.tensor(1.0), None, LATER, '`loss_x`')


# --------------------------------------------------------------- in a distillation


def balanced(transfer: dict, **arguments) -> dict:
    """A transfer whose weight is balanced."""
    weight = dict(type='BalancedWeight', **arguments)
    return dict(transfer, loss=dict(transfer['loss'], loss_weight=weight))


FEATURE = dict(
    source='teacher.backbone[1]',
    target='student.backbone[1]',
    loss=dict(type='FeatureLoss'),
)


@pytest.fixture
def mutual(build, classifier, kld):
    """Two streams that learn from each other, and one of them twice."""

    def make(**cfg):
        torch.manual_seed(0)
        return build(
            teacher=dict(model=classifier()),
            student=dict(model=classifier(), loss_weight=0.5),
            transfers=dict(
                loss_kld=balanced(kld('teacher', 'student'), share=0.25, iterations=2),
                loss_mse=balanced(FEATURE, iterations=2),
                loss_back=balanced(kld('student', 'teacher'), share=3.0, iterations=2),
            ),
            **cfg,
        )

    return make


def test_each_transfer_has_its_own_share_of_its_learner(mutual, cls_batch, progress):
    model = mutual()
    for iteration in range(2):
        progress(iter=iteration)
        losses = model(**cls_batch(), mode='loss')
        for name, learner, share in (
            ('kld', 'student', 0.25),
            ('mse', 'student', 1.0),
            ('back', 'teacher', 3.0),
        ):
            part, task = losses[f'loss_{name}'], losses[f'{learner}/loss']
            torch.testing.assert_close(losses[f'{name}/share'], part / task)
            # The same batch and weights, but for normalisation: the share holds.
            assert losses[f'{name}/share'].item() == pytest.approx(share, rel=1e-4)
            assert losses[f'{name}/weight'] > 0


def test_shares_are_logged_and_not_added(mutual, cls_batch):
    model = mutual()
    losses = model(**cls_batch(), mode='loss')
    total, logged = model.parse_losses(losses)
    parts = [value for key, value in losses.items() if 'loss' in key]
    torch.testing.assert_close(total, torch.stack(parts).sum())
    assert {key for key in logged if 'loss' not in key} == {
        f'{name}/{key}'
        for name in ('kld', 'mse', 'back')
        for key in ('share', 'weight')
    } | {key for key in losses if key.endswith('accuracy')}


def test_the_gradient_is_that_of_the_loss_with_this_weight(
    build, classifier, kld, cls_batch
):
    def model(**loss):
        torch.manual_seed(0)
        transfer = kld('teacher', 'student')
        transfer['loss'].update(loss)
        teacher = dict(model=classifier(), frozen=True)
        transfers = dict(loss_kld=transfer)
        return build(teacher, dict(model=classifier()), transfers=transfers)

    one = model(loss_weight=dict(type='BalancedWeight', share=2.0))
    found = one(**cls_batch(), mode='loss')
    other = model(loss_weight=found['kld/weight'].item())
    for each in (one, other):
        each.parse_losses(each(**cls_batch(), mode='loss'))[0].backward()
    for mine, its in zip(one.parameters(), other.parameters()):
        torch.testing.assert_close(mine.grad, its.grad, rtol=1e-4, atol=1e-6)


def test_branches_belong_to_the_task(build, classifier, cls_batch):
    """Evolutionary transfers stand for several, each of which has its share."""
    stream = dict(
        model=classifier(),
        branches=dict(module=dict(type='GuidedModule', out_channels=8)),
    )
    group = dict(
        type='EvolutionaryTransfers',
        within_kl=dict(type='BalancedWeight', share=0.5),
        cross_l2=dict(type='BalancedWeight', share=2.0),
    )
    model = build(dict(stream), dict(stream), transfers=dict(loss_ekd=group))
    losses = model(**cls_batch(), mode='loss')
    own = [v for k, v in losses.items() if k.startswith('student/') and 'loss' in k]
    assert len(own) > 1
    task = torch.stack(own).sum()
    for name, share in (('within_kl_student', 0.5), ('cross_l2', 2.0)):
        torch.testing.assert_close(losses[f'loss_ekd_{name}'], share * task)


def test_lists_of_losses_are_added_up(build, fcos, det_batch):
    """Anchor heads have a loss for each level."""
    from dynkd.models.algorithms.losses import task_loss

    model = build(student=dict(model=fcos()))
    losses = {
        k.partition('/')[2]: v for k, v in model(**det_batch(), mode='loss').items()
    }
    levels = dict(
        losses, loss_more=[torch.ones(2), torch.tensor(3.0)], acc=torch.ones(())
    )
    torch.testing.assert_close(task_loss(levels), model.parse_losses(levels)[0])
    assert task_loss(dict(acc=torch.ones(()))) is None


def test_learner_without_a_task_is_refused(build, classifier, kld):
    with pytest.raises(
        ValueError, match='transfer `loss_kld`: .*`student`, which has none'
    ):
        build(
            teacher=dict(model=classifier(), frozen=True),
            student=dict(model=classifier(), loss_weight=0),
            transfers=dict(loss_kld=balanced(kld('teacher', 'student'))),
        )


def test_no_share_of_a_learner_without_a_task(build, classifier, kld, cls_batch):
    model = build(
        teacher=dict(model=classifier(), frozen=True),
        student=dict(model=classifier(), loss_weight=0),
        transfers=dict(loss_kld=kld('teacher', 'student')),
    )
    assert set(model(**cls_batch(), mode='loss')) == {'student/loss', 'loss_kld'}


PHASES = [
    dict(name='static', by_epoch=False, transfers=['loss_mse'], frozen=['teacher']),
    dict(name='dynamic', by_epoch=False, begin=3),
]


def test_phases(mutual, cls_batch, progress):
    model = mutual(phases=PHASES)
    found = []
    for iteration in range(6):
        progress(iter=iteration)
        MessageHub.get_current_instance().update_scalars(
            {f'train/{k}': v for k, v in model(**cls_batch(), mode='loss').items()}
        )
        counts = {n: int(t.balance.count) for n, t in model.transfers.items()}
        found.append(counts)
    assert found[2] == dict(loss_kld=0, loss_mse=2, loss_back=0)
    assert found[3] == dict(loss_kld=1, loss_mse=1, loss_back=1)
    assert found[5] == dict(loss_kld=2, loss_mse=2, loss_back=2)


def test_the_log_forgets_what_the_phase_before_measured(mutual, cls_batch, progress):
    model = mutual(phases=[dict(PHASES[1], begin=0), dict(PHASES[0], begin=1)])
    hub = MessageHub.get_current_instance()
    hub.update_scalar('train/time', 1.0)
    for iteration in range(2):
        progress(iter=iteration)
        losses = model(**cls_batch(), mode='loss')
        hub.update_scalars({f'train/{k}': v for k, v in losses.items()})
    assert {key for key in hub.log_scalars if 'accuracy' not in key} == {
        'train/time',
        'train/student/loss',
        'train/loss_mse',
        'train/mse/share',
        'train/mse/weight',
    }


def test_training_resumed_while_it_is_measured_is_the_same(mutual, cls_batch, progress):
    sgd = dict(optimizer=dict(type='SGD', lr=0.05))
    cfg = dict(streams=dict(teacher=sgd, student=sgd))

    def train(model, start, stop):
        wrapper = OPTIM_WRAPPER_CONSTRUCTORS.get('StreamOptimWrapperConstructor')(cfg)(
            model
        )
        for iteration in range(start, stop):
            progress(iter=iteration)
            model.train_step(cls_batch(seed=iteration), wrapper)
        return model

    phases = [PHASES[0], dict(PHASES[1], begin=2)]
    whole = train(mutual(phases=phases), 0, 6).state_dict()
    assert whole['transfers.loss_kld.balance.count'] == 2
    for cut in (1, 2, 3, 5):
        state = train(mutual(phases=phases), 0, cut).state_dict()
        model = mutual(phases=phases)
        model.load_state_dict(state)
        resumed = train(model, cut, 6).state_dict()
        assert all(torch.equal(whole[key], resumed[key]) for key in whole), cut


def test_under_autocast(mutual, cls_batch):
    model = mutual()
    with torch.autocast('cpu', torch.bfloat16):
        losses = model(**cls_batch(), mode='loss')
    assert losses['kld/weight'].dtype == losses['loss_kld'].dtype == torch.float32
    assert losses['kld/share'].item() == pytest.approx(0.25, rel=1e-3)
    model.parse_losses(losses)[0].backward()
    assert all(p.grad.isfinite().all() for p in model.parameters())


def test_frozen_learner_is_refused(mutual):
    with pytest.raises(
        ValueError, match='transfer `loss_back`: its target .* is frozen'
    ):
        mutual(phases=[dict(name='all', frozen=['teacher'])])
