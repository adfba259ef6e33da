# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Streams with branches: what a step trains, what is loaded, exported, predicted."""

import pytest
import torch
from mmengine.optim import OptimWrapper
from mmpretrain.registry import MODELS as CLASSIFIERS

from dynkd.models.streams import export_stream

BRANCHES = dict(module=dict(type='GuidedModule', out_channels=16))
FAMILIES = {
    'ResNet': (
        dict(
            type='ResNet',
            depth=18,
            base_channels=8,
            stem_channels=8,
            zero_init_residual=False,
        ),
        64,
    ),
    'MobileNetV2': (dict(type='MobileNetV2', widen_factor=0.1), 1280),
    'ConvNeXt': (
        dict(
            type='ConvNeXt',
            arch=dict(depths=[1, 1, 1, 1], channels=[8, 16, 24, 32]),
            drop_path_rate=0.0,
            layer_scale_init_value=1.0,
        ),
        32,
    ),
    'SwinTransformer': (
        dict(
            type='SwinTransformer',
            arch=dict(embed_dims=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2]),
            img_size=64,
            window_size=2,
            drop_path_rate=0.0,
        ),
        64,
    ),
}


def family(name: str) -> dict:
    """A small classifier of one of MMPretrain's families."""
    backbone, width = FAMILIES[name]
    neck = None if name == 'ConvNeXt' else dict(type='GlobalAveragePooling')
    loss = dict(type='CrossEntropyLoss')
    return dict(
        type='mmpretrain.ImageClassifier',
        backbone=backbone,
        neck=neck,
        head=dict(type='LinearClsHead', num_classes=5, in_channels=width, loss=loss),
        data_preprocessor=dict(mean=[127.5] * 3, std=[63.75] * 3, num_classes=5),
    )


def plain_of(model: dict):
    model = dict(model, type='ImageClassifier')
    return CLASSIFIERS.build(model)


# ------------------------------------------------------------ families, movement


@pytest.mark.parametrize('name', FAMILIES)
def test_ekd_moves_both_streams_and_their_branches(
    build, cls_batch, snapshot, moved, name
):
    stream = dict(model=family(name), branches=BRANCHES)
    model = build(
        teacher=stream,
        student=dict(stream),
        transfers=dict(loss_ekd=dict(type='EvolutionaryTransfers')),
    )
    _step_moves_all(model, cls_batch(), snapshot, moved)


@pytest.mark.parametrize(
    ('name', 'fusion'),
    [(name, 'mixed') for name in FAMILIES]
    + [('ResNet', fusion) for fusion in ('add', 'concat', 'none')],
)
def test_dtskd_moves_the_stream_and_its_branches(
    build, cls_batch, snapshot, moved, progress, name, fusion
):
    progress(max_epochs=10)
    module = dict(type='MixedFusionModule', fusion=fusion)
    model = build(
        student=dict(
            model=family(name),
            loss_weight=0.0,
            branches=dict(module=module, loss_weight=0.0),
        ),
        transfers=dict(loss_dtskd=dict(type='DualTeacherTransfers')),
        stores=dict(history=dict()),
    )
    model.stores['history'].open(8, 'a data set')
    _step_moves_all(model, cls_batch(), snapshot, moved)


def _step_moves_all(model, batch, snapshot, moved) -> None:
    """A step gives every parameter a gradient, moves it, and moves every statistic."""
    before = snapshot(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = model(**batch, mode='loss')
    model.parse_losses(losses)[0].backward()
    graded = {n for n, p in model.named_parameters() if p.grad is not None}
    assert graded == {n for n, _ in model.named_parameters()}
    zero = {n for n, p in model.named_parameters() if not p.grad.any()}
    optimizer.step()
    still = set(before) - moved(before, snapshot(model))
    # Constants of attention, and biases that normalisation cancels.
    constants = ('relative_position_index', 'attn_mask')
    assert all(name in zero or name.endswith(constants) for name in still)
    assert len(zero) < len(graded) / 10


def test_a_frozen_stream_with_branches_stays(
    build, classifier, cls_batch, snapshot, moved
):
    model = build(
        teacher=dict(model=classifier(), branches=BRANCHES, frozen=True),
        student=dict(model=classifier(), branches=BRANCHES),
        transfers=dict(loss_ekd=dict(type='EvolutionaryTransfers')),
    )
    before = snapshot(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model.train_step(cls_batch(), OptimWrapper(optimizer))
    changed = moved(before, snapshot(model))
    assert any(n.startswith('streams.student.branches.') for n in changed)
    assert all(n.startswith(('streams.student.', 'transfers.')) for n in changed)


def test_norm_eval_is_not_for_branches(build, classifier, cls_batch, snapshot, moved):
    """They would normalise with mean 0 and variance 1 for ever."""
    stream = dict(model=classifier(), branches=BRANCHES, norm_eval=True)
    model = build(student=stream).train()
    before = snapshot(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model.train_step(cls_batch(), OptimWrapper(optimizer))
    statistics = {n for n in moved(before, snapshot(model)) if 'running_' in n}
    branches = 'streams.student.branches.'
    assert statistics == {
        n for n in before if 'running_' in n and n.startswith(branches)
    }
    assert not any(module.training for module in model.eval().modules())


# --------------------------------------------------------------------- own losses


def test_loss_weight_scales_the_streams_own_losses(build, classifier, cls_batch):
    def losses(**stream):
        torch.manual_seed(0)
        model = build(student=dict(model=classifier(), **stream))
        return model(**cls_batch(), mode='loss')

    whole, half = losses(), losses(loss_weight=0.5)
    torch.testing.assert_close(half['student/loss'], 0.5 * whole['student/loss'])


def test_branches_without_a_loss_of_their_own(build, classifier, cls_batch):
    branches = dict(BRANCHES, loss_weight=0.0)
    model = build(student=dict(model=classifier(), branches=branches))
    assert set(model(**cls_batch(), mode='loss')) == {'student/loss'}


# -------------------------------------------------------- checkpoints and export


@pytest.fixture
def trained(build, classifier):
    torch.manual_seed(1)
    return build(student=dict(model=classifier(), branches=BRANCHES))


def test_the_exported_model_is_plain(trained, classifier, tmp_path, cls_batch):
    from mmengine.config import Config

    out = tmp_path / 'student.pth'
    spec, state = (
        trained.stream('student').cfg,
        trained.stream('student').model.state_dict(),
    )
    config = export_stream(spec, state, Config(dict(default_scope='mmpretrain')), out)
    plain = plain_of(Config.fromfile(config).model)
    weights = torch.load(out, weights_only=True)['state_dict']
    plain.load_state_dict(weights, strict=True)
    untouched = plain_of(classifier())
    assert sum(p.numel() for p in plain.parameters()) == sum(
        p.numel() for p in untouched.parameters()
    )
    own = trained.eval().val_step(cls_batch())
    for one, other in zip(own, plain.eval().val_step(cls_batch())):
        assert torch.equal(one.pred_score, other.pred_score)


def test_branches_of_a_checkpoint(trained, build, classifier, tmp_path):
    """A stream's branches start from the checkpoint's, if it has them."""
    from mmengine.config import Config

    spec, state = (
        trained.stream('student').cfg,
        trained.stream('student').model.state_dict(),
    )
    cfg = Config(dict(default_scope='mmpretrain'))
    export_stream(spec, state, cfg, tmp_path / 'plain.pth')
    export_stream(spec, state, cfg, tmp_path / 'whole.pth', branches=True)

    def restarted(name, **stream):
        torch.manual_seed(2)
        path = str(tmp_path / name)
        stream = dict(dict(branches=BRANCHES), **stream)
        student = dict(model=classifier(), checkpoint=path, **stream)
        own = dict(student=student, other=dict(model=classifier()))
        return build(streams=own).stream('student').model.state_dict()

    whole = restarted('whole.pth')
    assert all(torch.equal(whole[key], state[key]) for key in state)
    fresh = restarted('plain.pth')
    differs = {key for key in state if not torch.equal(fresh[key], state[key])}
    assert differs and all(key.startswith('branches.') for key in differs)
    with pytest.raises(RuntimeError, match='frozen and its branches teach'):
        restarted('plain.pth', frozen=True)
    with pytest.raises(RuntimeError, match='It holds branches'):
        restarted('whole.pth', branches=None)


# -------------------------------------------------------------------- prediction


def test_branches_predict(trained, cls_batch):
    names = ['student', *(f'student.branches.{b}' for b in range(3))]
    found = trained.eval().predict_streams(cls_batch(), names)
    assert list(found) == names
    alone = trained.predict_streams(cls_batch(), ['student'])['student']
    scores = [torch.stack([s.pred_score for s in own]) for own in found.values()]
    torch.testing.assert_close(scores[0], torch.stack([s.pred_score for s in alone]))
    images = trained.stream('student').model.data_preprocessor(cls_batch(), False)[
        'inputs'
    ]
    from dynkd.models.streams.branches import record_branched

    with torch.no_grad(), record_branched(trained.stream('student').model) as stages:
        trained.stream('student').model.extract_feat(images)
        logits = trained.stream('student').model.branches(stages)
    for score, own, samples in zip(scores[1:], logits, list(found.values())[1:]):
        torch.testing.assert_close(score, own.softmax(1))
        assert [s.pred_label.item() for s in samples] == own.argmax(1).tolist()
        assert [s.gt_label.item() for s in samples] == [0, 1, 2, 3]


# ------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ('branches', 'message'),
    [
        (dict(num=4), 'branches of stream `student`.*4 branches'),
        (dict(stages=['backbone.layer7']), '`student`.*backbone.layer7'),
        (dict(module=dict(type='GuidedModul')), 'GuidedModul'),
    ],
)
def test_bad_branches(build, classifier, branches, message):
    with pytest.raises((ValueError, KeyError), match=message):
        build(student=dict(model=classifier(), branches=dict(BRANCHES, **branches)))


def test_branches_need_a_module(build, classifier):
    with pytest.raises(ValueError, match='`student`: `module` is missing'):
        build(student=dict(model=classifier(), branches=dict(num=2)))


def test_branches_need_a_classifier(build, fcos):
    with pytest.raises(ValueError, match='FCOS has no `backbone` and `head`'):
        build(student=dict(model=fcos(), branches=BRANCHES))


def test_a_tap_of_a_missing_branch(build, classifier):
    transfer = dict(
        source='student.head', target='student.branches.0.fc', loss=dict(type='KLDLoss')
    )
    with pytest.raises(ValueError, match='stream `student` has no `branches`'):
        build(student=dict(model=classifier()), transfers=dict(loss_x=transfer))
