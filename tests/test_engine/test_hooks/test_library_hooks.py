# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Hooks of the libraries that reach into a plain model act on a distillation's stream.

That each hook of the installed libraries is known is checked with
:mod:`dynkd.compat.plain_parts`.
"""

from types import MethodType, SimpleNamespace
from typing import Any

import pytest
from mmengine.registry import HOOKS

from dynkd.compat.plain_parts import ON_STREAM
from dynkd.engine.hooks import StreamHook

SGD = dict(type='SGD', lr=0.01)
MIXUP = dict(augments=dict(type='Mixup', alpha=0.8))
LIBRARIES = dict.fromkeys(ON_STREAM, 'mmpretrain')
LIBRARIES.update(dict.fromkeys(ON_STREAM[9:12], 'mmdet'))
LIBRARIES.update(dict.fromkeys(ON_STREAM[12:], 'mmrazor'))


def set_epochs(model: Any) -> None:
    model.set_epoch = MethodType(lambda own, epoch: setattr(own, 'seen', epoch), model)


def set_margins(model: Any) -> None:
    from mmpretrain.models.heads import ArcFaceClsHead

    model.head = ArcFaceClsHead(num_classes=5, in_channels=64)


#: A hook's arguments, what the student needs for it, and what is seen of it then.
CASES: dict[str, tuple] = dict(
    ClassNumCheckHook=({}, None, lambda model: True),
    DenseCLHook=(
        dict(start_iters=100),
        lambda model: setattr(model, 'loss_lambda', 0.5),
        lambda model: model.loss_lambda == 0.0,
    ),
    NumClassCheckHook=({}, None, lambda model: True),
    PreciseBNHook=(
        dict(num_samples=8),
        None,
        lambda model: model.backbone.bn1.momentum == 0.1,
    ),
    PrepareProtoBeforeValLoopHook=({}, None, lambda model: True),
    SetAdaptiveMarginsHook=(
        {},
        set_margins,
        lambda model: len(set(model.head.margins.tolist())) > 1,
    ),
    SetEpochInfoHook=({}, set_epochs, lambda model: model.seen == 1),
    SwAVHook=(
        dict(batch_size=4),
        None,
        lambda model: model.head.loss_module.use_queue is False,
    ),
    WarmupParamHook=(
        dict(param_name='scale', module_name='head', warmup_epochs=4),
        lambda model: setattr(model.head, 'scale', 8.0),
        lambda model: 0 < model.head.scale < 8,
    ),
    YOLOXModeSwitchHook=(
        dict(num_last_epochs=1),
        lambda model: setattr(model, 'bbox_head', SimpleNamespace(use_l1=False)),
        lambda model: model.bbox_head.use_l1,
    ),
)


@pytest.mark.parametrize('name', CASES)
def test_it_acts_on_the_student(runner, name):
    arguments, prepare, seen = CASES[name]
    hook = dict(type=f'{LIBRARIES[name]}.{name}', **arguments)
    run = runner(teacher={}, custom_hooks=[hook])
    student = run.model.stream('student').model
    if prepare is not None:
        prepare(student)
    for loader in (run.train_dataloader, run.val_dataloader):
        # What the data sets of the libraries have.
        dataset = loader.dataset
        dataset.update_skip_type_keys = lambda keys: None
        dataset.get_gt_labels = lambda: [0, 1, 1, 2, 3, 4, 0, 1]
        dataset.CLASSES = tuple('abcde')
    run.train()
    assert seen(student)
    own = [hook for hook in run.hooks if isinstance(hook, StreamHook)]
    assert [type(hook.hook).__name__ for hook in own] == [name]


def test_the_cases_are_all_that_run_outside_of_architecture_search():
    elsewhere = {'SwitchRecipeHook', 'SimSiamHook'}
    razor = {name for name in ON_STREAM if LIBRARIES[name] == 'mmrazor'}
    assert {*CASES} == {*ON_STREAM} - elsewhere - razor


def test_a_hook_of_mmrazor_sees_the_student(runner):
    pytest.importorskip('mmrazor.engine')
    hook = HOOKS.get('mmrazor.EstimateResourcesHook').__new__(
        HOOKS.get('mmrazor.EstimateResourcesHook')
    )
    seen = []
    hook.by_epoch, hook.interval = True, 1
    hook.estimator = SimpleNamespace(
        estimate=lambda model: seen.append(type(model).__name__)
    )
    runner(teacher={}, custom_hooks=[hook]).train()
    assert seen and set(seen) == {'ImageClassifier'}


@pytest.mark.parametrize('frozen', [False, True])
def test_switched_recipes_are_those_of_all_that_mixed_alike(runner, frozen):
    loss = dict(type='LabelSmoothLoss', label_smooth_val=0.1)
    recipe = dict(action_epoch=2, batch_augments=MIXUP, loss=loss)
    run = runner(
        teacher=dict(frozen=frozen),
        custom_hooks=[dict(type='SwitchRecipeHook', schedule=[recipe])],
    )
    run.train()
    models = [run.model.stream(name).model for name in ('student', 'teacher')]
    augments = [model.data_preprocessor.batch_augments for model in models]
    assert type(augments[0].augments[0]).__name__ == 'Mixup'
    assert augments[1] is augments[0]
    # The loss is the student's own matter.
    kinds = [type(model.head.loss_module).__name__ for model in models]
    assert kinds == ['LabelSmoothLoss', 'CrossEntropyLoss']


def test_streams_that_mixed_otherwise_keep_what_they_have(runner):
    recipe = dict(action_epoch=1, batch_augments=None)
    hook = dict(type='SwitchRecipeHook', schedule=[recipe])
    run = runner(teacher={}, custom_hooks=[hook])
    from mmpretrain.models.utils.batch_augments import RandomBatchAugment

    preprocessors = [
        run.model.stream(name).model.data_preprocessor
        for name in ('student', 'teacher')
    ]
    for alpha, own in zip((0.8, 0.4), preprocessors):
        own.batch_augments = RandomBatchAugment(dict(type='Mixup', alpha=alpha))
    run.train()
    assert preprocessors[0].batch_augments is None
    assert preprocessors[1].batch_augments.augments[0].alpha == 0.4


def test_the_optimizer_that_a_hook_finds_is_that_of_the_stream(runner):
    fixed = dict(custom_keys={'head': dict(fix_lr=True)})
    run = runner(
        teacher={},
        optim_wrapper=dict(
            constructor='dynkd.StreamOptimWrapperConstructor',
            type='OptimWrapper',
            optimizer=SGD,
            paramwise_cfg=fixed,
        ),
        custom_hooks=[dict(type='SimSiamHook', fix_pred_lr=True, lr=0.5)],
    )
    run.train()
    rates = {
        name: {group['lr'] for group in wrapper.optimizer.param_groups}
        for name, wrapper in run.optim_wrapper.items()
    }
    assert rates == dict(student={0.5, 0.01}, teacher={0.01})
