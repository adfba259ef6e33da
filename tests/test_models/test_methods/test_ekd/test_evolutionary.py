# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""EKD: what the group stands for, against the paper's equations."""

import pytest
import torch

GROUP = dict(type='EvolutionaryTransfers')


@pytest.fixture
def pair(build, guided):
    """Build a teacher and a student with guided modules, and the group."""

    def make(teacher=None, student=None, **group):
        return build(
            teacher=guided(width=16) if teacher is None else teacher,
            student=guided() if student is None else student,
            transfers=dict(loss_ekd=dict(GROUP, **group)),
        )

    return make


def names(model) -> set[str]:
    return {name.removeprefix('loss_ekd_') for name in model.transfers}


def squared(source, target) -> float:
    """Mean over batch and values of the squared difference, value by value."""
    values = [
        (a - b) ** 2
        for x, y in zip(source.tolist(), target.tolist())
        for a, b in zip(x, y)
    ]
    return sum(values) / len(values)


# --------------------------------------------------------------- the equations


def test_every_term_is_its_equation(pair, cls_batch, yielded, divergence):
    model = pair()
    parts = [f'branches.{b}' for b in range(3)]
    taps = [f'{s}.{p}.{end}' for s in ('teacher', 'student') for p in parts
            for end in ('fc', 'features')]  # fmt: skip
    ends = [
        f'{s}.{end}' for s in ('teacher', 'student') for end in ('head', 'neck[-1]')
    ]
    losses, out = yielded(model, cls_batch(), *taps, *ends)
    logits = {
        s: [*(out[f'{s}.{p}.fc'] for p in parts), out[f'{s}.head']]
        for s in ('teacher', 'student')
    }
    features = {
        s: [out[f'{s}.{p}.features'] for p in parts] for s in ('teacher', 'student')
    }
    expected = {}
    for s, own in logits.items():  # Eq. 3
        expected[f'within_kl_{s}'] = sum(
            divergence(own[c], own[b]) for b in range(3) for c in range(b + 1, 4)
        )
    pairs = [(b, c) for b in range(3) for c in range(b + 1, 3)]
    expected['within_l2_student'] = sum(  # Eq. 4
        squared(features['student'][c], features['student'][b]) for b, c in pairs
    ) + sum(squared(out['student.neck[-1]'], f) for f in features['student'])
    expected['within_l2_teacher'] = sum(
        squared(features['teacher'][c], features['teacher'][b]) for b, c in pairs
    )
    connector = model.transfers['loss_ekd_within_l2_final_teacher'].target_connector
    expected['within_l2_final_teacher'] = sum(
        squared(
            out['teacher.neck[-1]'],
            f @ layer[0].weight.double().T + layer[0].bias.double(),
        )
        for f, layer in zip(features['teacher'], connector.layers)
    )
    expected['cross_kl'] = sum(  # Eq. 6
        divergence(t, s) for t, s in zip(logits['teacher'], logits['student'])
    )
    expected['cross_l2'] = sum(  # Eq. 7
        squared(t, s) for t, s in zip(features['teacher'], features['student'])
    )
    assert names(model) == set(expected)
    for name, value in expected.items():
        found = losses[f'loss_ekd_{name}'].item()
        # Divergences of nearly equal predictions cancel digits in float32.
        assert found == pytest.approx(value, rel=5e-4), name
    for s, own in logits.items():  # Eq. 9
        labels = torch.arange(4) % 5
        for b in range(3):
            value = -torch.log_softmax(own[b], 1)[range(4), labels].mean().item()
            found = losses[f'{s}/branches.{b}.loss'].item()
            assert found == pytest.approx(value, rel=1e-5)


def test_weights_multiply_and_zero_leaves_out(pair, cls_batch):
    whole = pair(within_l2=0.0, cross_l2=0.0)
    assert names(whole) == {'within_kl_teacher', 'within_kl_student', 'cross_kl'}
    light = pair(within_kl=0.25, within_l2=0.0, cross_kl=0.5, cross_l2=0.0)
    light.load_state_dict(whole.state_dict())
    one, other = (model(**cls_batch(), mode='loss') for model in (whole, light))
    for name, weight in (('within_kl_student', 0.25), ('cross_kl', 0.5)):
        name = f'loss_ekd_{name}'
        torch.testing.assert_close(other[name], weight * one[name])


# --------------------------------------------------------------- the ablations


def test_table_5(pair, classifier, guided):
    """The rows of Table V differ in the streams alone."""
    plain, frozen = dict(model=classifier(width=16)), dict(frozen=True)
    student = dict(model=classifier())
    within = {'within_kl_student', 'within_l2_student'}
    cross = {'cross_kl', 'cross_l2'}
    evolving = {'within_kl_teacher', 'within_l2_teacher', 'within_l2_final_teacher'}
    assert names(pair(dict(plain, **frozen), student)) == {'cross_kl'}
    assert names(pair(plain, student)) == {'cross_kl'}
    assert names(pair(dict(plain, **frozen))) == {'cross_kl', *within}
    assert names(pair(plain)) == {'cross_kl', *within}
    assert names(pair(guided(width=16, **frozen))) == cross | within
    assert names(pair()) == cross | within | evolving


@pytest.mark.parametrize('count', [0, 1, 2, 3])
def test_number_of_guided_modules(pair, guided, cls_batch, count):
    model = pair(guided(width=16, num=count), guided(num=count))
    assert len(model.transfers['loss_ekd_cross_kl'].pairs) == count + 1
    if count:
        within = model.transfers['loss_ekd_within_kl_student'].pairs
        assert len(within) == count * (count + 1) // 2
    assert ('loss_ekd_cross_l2' in model.transfers) == (count > 0)
    losses = model(**cls_batch(), mode='loss')
    own = [name for name in losses if name.startswith('student/branches.')]
    assert len(own) == count


def test_one_guided_stream_alone(build, guided):
    """What a teacher is trained by that later teaches frozen, with its modules."""
    group = dict(GROUP, within=['teacher'], cross_kl=0.0, cross_l2=0.0)
    model = build(teacher=guided(), transfers=dict(loss_ekd=group))
    assert names(model) == {'within_kl_teacher', 'within_l2_teacher'}


# -------------------------------------------------------------------- movement


def test_cross_stream_terms_teach_the_student_alone(pair, cls_batch):
    model = pair()
    losses = model(**cls_batch(), mode='loss')
    (losses['loss_ekd_cross_kl'] + losses['loss_ekd_cross_l2']).backward()
    graded = {
        n.split('.')[1] for n, p in model.named_parameters() if p.grad is not None
    }
    assert graded == {'student'}


def test_within_stream_terms_teach_nothing_deeper_than_their_target(pair, cls_batch):
    """The final classifier, and the stage that only it sees, teach and do not learn."""
    model = pair()
    losses = model(**cls_batch(), mode='loss')
    losses['loss_ekd_within_kl_student'].backward()
    graded = {
        n.removeprefix('streams.student.')
        for n, p in model.named_parameters()
        if p.grad is not None and p.grad.abs().sum() > 0
    }
    assert not any(n.startswith(('head', 'backbone.layer4', 'streams')) for n in graded)
    for part in ('backbone.layer3', 'branches.0.fc', 'branches.2.features'):
        assert any(n.startswith(part) for n in graded)


# ---------------------------------------------------------------------- errors


def test_unknown_stream_is_refused(build, guided):
    with pytest.raises(ValueError, match='`loss_ekd`: there is no stream `teacher`'):
        build(student=guided(), transfers=dict(loss_ekd=dict(GROUP)))


@pytest.mark.parametrize(
    'group, unknown',
    [
        (dict(teacher='teachr', cross_kl=0, cross_l2=0), 'teachr'),
        (dict(student='studnt', cross_kl=0, cross_l2=0), 'studnt'),
        (dict(within=['studnt'], cross_kl=0, cross_l2=0), 'studnt'),
    ],
)
def test_streams_that_are_named_must_exist(build, guided, group, unknown):
    own = dict(teacher=guided(), student=guided())
    with pytest.raises(ValueError, match=f'`loss_ekd`: there is no stream `{unknown}`'):
        build(**own, transfers=dict(loss_ekd=dict(GROUP, **group)))


def test_a_group_of_no_stream_is_refused(build, guided):
    group = dict(GROUP, cross_kl=0, cross_l2=0)
    with pytest.raises(ValueError, match='no stream `student`. Streams: pupil'):
        build(streams=dict(pupil=guided()), transfers=dict(loss_ekd=group))
    model = build(
        streams=dict(pupil=guided()),
        transfers=dict(loss_ekd=dict(group, within=['pupil'])),
    )
    assert names(model) == {'within_kl_pupil', 'within_l2_pupil'}


def test_features_of_an_unknown_stream_are_refused(pair):
    message = '`loss_ekd`: `features` has `studnt`.*are of: teacher, student'
    with pytest.raises(ValueError, match=message):
        pair(features=dict(studnt='backbone[-1]'))


def test_negative_weight_is_refused(pair):
    with pytest.raises(
        ValueError, match=r'`transfers\.loss_ekd\.within_kl` must not be negative'
    ):
        pair(within_kl=-1.0)


@pytest.mark.parametrize('counts', [(3, 2), (1, 3)])
def test_the_deepest_of_unequal_numbers_are_compared(pair, guided, cls_batch, counts):
    model = pair(guided(width=16, num=counts[0]), guided(num=counts[1]))
    pairs = model.transfers['loss_ekd_cross_l2'].pairs
    found = [(str(source), str(target)) for source, target in pairs]
    assert found == [
        (
            f'teacher.branches.{counts[0] - depth}.features',
            f'student.branches.{counts[1] - depth}.features',
        )
        for depth in range(min(counts), 0, -1)
    ]
    assert len(model.transfers['loss_ekd_cross_kl'].pairs) == min(counts) + 1
    # The others learn within their stream.
    losses = model(**cls_batch(), mode='loss')
    own = [name for name in losses if name.startswith('student/branches.')]
    assert len(own) == counts[1]


def test_widths_that_differ_are_made_equal(pair, guided, cls_batch):
    model = pair(guided(width=16, features=32), guided(features=64))
    connector = model.transfers['loss_ekd_cross_l2'].target_connector
    assert (connector.in_channels, connector.out_channels) == (64, 32)
    losses = model(**cls_batch(), mode='loss')
    assert losses['loss_ekd_cross_l2'].requires_grad


def test_a_head_of_several_layers(build, cls_batch):
    """MobileNetV3 has a layer between its pooled feature and its last one."""
    student = dict(
        config='mmpretrain::mobilenet_v3/mobilenet-v3-small_8xb128_in1k.py',
        model=dict(head=dict(num_classes=5)),
        branches=dict(module=dict(type='GuidedModule', out_channels=16), num=2),
    )
    transfers = dict(
        loss_ekd=dict(type='EvolutionaryTransfers', cross_kl=0, cross_l2=0)
    )
    model = build(student=student, transfers=transfers)
    (final,) = model.transfers['loss_ekd_within_l2_final_student'].sources
    assert str(final) == 'student.head.layers.0'
    losses = model(**cls_batch(num_classes=5), mode='loss')
    assert losses['loss_ekd_within_l2_final_student'] > 0


def test_a_vision_transformer_and_a_cnn(pair, vision_transformer, guided, cls_batch):
    """The ViT's stages have one resolution; the head has a hidden layer."""
    student = vision_transformer(depth=6)
    student['head']['hidden_dim'] = 24
    branches = dict(module=dict(type='GuidedModule'))
    model = pair(guided(), dict(model=student, branches=branches))
    (final,) = model.transfers['loss_ekd_within_l2_final_student'].sources
    assert str(final) == 'student.head.layers.act'
    losses = model(**cls_batch(), mode='loss')
    assert {f'student/branches.{index}.loss' for index in range(3)} <= set(losses)
    losses['loss_ekd_cross_l2'].backward()
    block = model.stream('student').model.backbone.layers[1]
    assert all(p.grad is not None for p in block.parameters())
