# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import pytest
import torch

from dynkd.models.algorithms import Phase
from dynkd.models.algorithms.phase import check_phases, phase_at
from dynkd.models.schedules import Progress
from dynkd.registry import OPTIM_WRAPPER_CONSTRUCTORS

STATIC = dict(name='static', begin=0, transfers=['loss_static'], frozen=['teacher'])
DYNAMIC = dict(name='dynamic', begin=2, transfers=['loss_student', 'loss_teacher'])


@pytest.fixture
def phased(build, classifier, kld):
    feature = dict(
        source='teacher.backbone[1]',
        target='student.backbone[1]',
        loss=dict(type='FeatureLoss'),
    )
    return build(
        teacher=dict(model=classifier()),
        student=dict(model=classifier()),
        transfers=dict(
            loss_static=feature,
            loss_student=kld('teacher', 'student'),
            loss_teacher=kld('student', 'teacher'),
        ),
        phases=[STATIC, DYNAMIC],
    )


@pytest.fixture
def optimizers(phased):
    sgd = dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=0.1)
    cfg = dict(streams=dict(teacher=dict(optimizer=sgd), student=dict(optimizer=sgd)))
    return OPTIM_WRAPPER_CONSTRUCTORS.get('StreamOptimWrapperConstructor')(cfg)(phased)


def losses_of(log: dict) -> set[str]:
    return {name for name in log if 'loss' in name} - {'loss'}


def test_static_phase_leaves_the_teacher_alone(
    phased, optimizers, cls_batch, snapshot, moved
):
    before = snapshot(phased)
    log = phased.train_step(cls_batch(), optimizers)
    assert losses_of(log) == {'student/loss', 'loss_static'}
    changed = moved(before, snapshot(phased))
    assert changed == {name for name in before if name.startswith('streams.student.')}
    teacher = phased.stream('teacher').model
    assert not any(module.training for module in teacher.modules())
    assert all(parameter.grad is None for parameter in teacher.parameters())
    # Momentum and weight decay have not touched it either.
    assert not optimizers['teacher'].optimizer.state


def test_accumulated_gradients_do_not_move_what_is_frozen_then(
    phased, cls_batch, snapshot, moved, progress
):
    phased.phases.reverse()
    phased.phases[0].begin, phased.phases[1].begin = 0, 1
    sgd = dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=0.1)
    cfg = dict(
        accumulative_counts=2,
        streams=dict(teacher=dict(optimizer=sgd), student=dict(optimizer=sgd)),
    )
    build = OPTIM_WRAPPER_CONSTRUCTORS.get('StreamOptimWrapperConstructor')
    optimizers = build(cfg)(phased)
    optimizers.initialize_count_status(phased, 0, 4)
    before = snapshot(phased)
    phased.train_step(cls_batch(), optimizers)
    assert any(p.grad is not None for p in phased.stream('teacher').model.parameters())
    progress(epoch=1, iter=1)
    phased.train_step(cls_batch(), optimizers)
    changed = {n for n in moved(before, snapshot(phased)) if 'running' not in n}
    changed = {name for name in changed if 'num_batches' not in name}
    assert changed and all(name.startswith('streams.student.') for name in changed)


@pytest.mark.parametrize('resumed', [False, True])
def test_only_a_resumed_training_keeps_what_a_later_phase_measured(
    build, classifier, kld, cls_batch, progress, resumed
):
    weighted = kld('teacher', 'student')
    weighted['loss']['loss_weight'] = dict(type='BalancedWeight', iterations=1)
    cfg = dict(transfers=dict(loss_kld=weighted))
    cfg['phases'] = [dict(name='alone', transfers=[]), dict(name='both', begin=1)]
    streams = dict(model=classifier()), dict(model=classifier())
    former, model = (build(*streams, **cfg) for _ in range(2))
    progress(epoch=1, iter=5)
    former(**cls_batch(), mode='loss')
    balance = former.transfers['loss_kld'].balance
    balance.means[0] *= 100
    model.load_state_dict(former.state_dict())
    if not resumed:
        progress(epoch=0, iter=0)
        model(**cls_batch(), mode='loss')
    progress(epoch=1, iter=6)
    model(**cls_batch(), mode='loss')
    found = model.transfers['loss_kld'].balance
    assert found.count == 1
    assert torch.equal(found.means, balance.means) == resumed


def test_phases_follow_the_epochs(phased, optimizers, cls_batch, progress):
    for epoch, phase in enumerate(['static', 'static', 'dynamic', 'dynamic']):
        progress(epoch=epoch)
        phased.train_step(cls_batch(), optimizers)
        assert phased._phase.name == phase
    assert all(module.training for module in phased.stream('teacher').model.modules())


def test_dynamic_phase_moves_both(
    phased, optimizers, cls_batch, progress, snapshot, moved
):
    progress(epoch=2)
    before = snapshot(phased)
    log = phased.train_step(cls_batch(), optimizers)
    assert losses_of(log) == {
        'student/loss',
        'teacher/loss',
        'loss_student',
        'loss_teacher',
    }
    assert moved(before, snapshot(phased)) == set(before)


def test_stream_that_rests_again_is_not_moved_by_momentum(
    build, classifier, kld, cls_batch, progress, snapshot, moved
):
    model = build(
        teacher=dict(model=classifier()),
        student=dict(model=classifier()),
        transfers=dict(loss_student=kld('teacher', 'student')),
        phases=[dict(name='both'), dict(name='alone', begin=1, frozen=['teacher'])],
    )
    adam = dict(optimizer=dict(type='AdamW', lr=0.1, weight_decay=0.1))
    wrapper = OPTIM_WRAPPER_CONSTRUCTORS.get('StreamOptimWrapperConstructor')(
        dict(streams=dict(teacher=adam, student=adam))
    )(model)
    model.train_step(cls_batch(), wrapper)
    progress(epoch=1)
    before = snapshot(model)
    model.train_step(cls_batch(), wrapper)
    changed = moved(before, snapshot(model))
    assert changed == {name for name in before if name.startswith('streams.student.')}


def test_train_keeps_a_resting_stream_in_evaluation(phased):
    phased.train()
    assert not phased.stream('teacher').model.training
    assert phased.stream('student').model.training
    phased.eval()
    assert not phased.stream('student').model.training


def test_phases_by_iteration(progress):
    phases = [Phase('a', by_epoch=False), Phase('b', begin=10, by_epoch=False)]
    assert phase_at(phases, Progress(epoch=50, iter=9)).name == 'a'
    assert phase_at(phases, Progress(epoch=0, iter=10)).name == 'b'


@pytest.mark.parametrize(
    ('phases', 'message'),
    [
        ([dict(name='a', begin=1)], 'must begin at 0.*begin at 1'),
        (
            [dict(name='a'), dict(name='b', begin=3), dict(name='c', begin=2)],
            'follow one another.*0, 3, 2',
        ),
        (
            [dict(name='a'), dict(name='b', begin=3, by_epoch=False)],
            'all count epochs or all count iterations',
        ),
        (
            [dict(name='a', transfers=['loss_x'])],
            'phase `a` names the transfer `loss_x`.*There are: loss_static',
        ),
        (
            [dict(name='a', frozen=['tutor'])],
            'phase `a` names the stream `tutor`.*There are: teacher, student',
        ),
    ],
)
def test_bad_phases(phases, message):
    with pytest.raises(ValueError, match=message):
        check_phases(
            [Phase(**phase) for phase in phases],
            ['teacher', 'student'],
            ['loss_static'],
        )


def test_config_with_scopes_of_inheritance(build, classifier):
    """MMEngine leaves `_scope_` in what is inherited across libraries."""
    model = build(
        student=dict(model=classifier(), _scope_='dynkd'),
        transfers=dict(_scope_='dynkd'),
        phases=[dict(name='all', _scope_='dynkd')],
    )
    assert [phase.name for phase in model.phases] == ['all']


def test_resting_stream_builds_no_graph(phased, cls_batch):
    seen = []
    handle = phased.stream('teacher').model.backbone.register_forward_hook(
        lambda module, args, output: seen.append(output[1].requires_grad)
    )
    phased(**cls_batch(), mode='loss')
    handle.remove()
    assert seen == [False]
    assert torch.is_grad_enabled()


def test_later_phases_of_one_name_are_rejected():
    phases = [
        Phase(name='first', frozen=['teacher']),
        Phase(name='second', begin=1),
        Phase(name='second', begin=2),
    ]
    with pytest.raises(ValueError, match='two phases are named `second`'):
        check_phases(phases, ['teacher', 'student'], [])
