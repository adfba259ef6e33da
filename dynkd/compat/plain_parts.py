# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Parts of the libraries that expect a plain model where a distillation is.

Needed by: hooks, optimizer constructors and loops of MMPretrain, MMDetection,
MMAction2, MMSegmentation and MMRazor.

Why: they reach into ``runner.model``, for its head or its data preprocessor, or into
``runner.optim_wrapper``. A distillation has those of several models, so that they
raise AttributeError, in some epoch, or change what nothing reads.

Cure: hooks of :data:`ON_STREAM` are put into a ``dynkd.StreamHook``, where they find
the model of the main stream; constructors of :data:`CONSTRUCTORS` build the optimizer
of each stream (:mod:`dynkd.compat.run_settings`); what cannot work is refused when the
runner is built. A hook that a config puts into a ``StreamHook`` itself acts on the
stream that it names there.
"""

import inspect
import logging
import re
from collections.abc import Mapping
from typing import Any

#: Hooks that reach into a plain model: they act on the main stream.
ON_STREAM = (
    # MMPretrain
    'ClassNumCheckHook',
    'DenseCLHook',
    'PreciseBNHook',
    'PrepareProtoBeforeValLoopHook',
    'SetAdaptiveMarginsHook',
    'SimSiamHook',
    'SwAVHook',
    'SwitchRecipeHook',
    'WarmupParamHook',
    # MMDetection
    'NumClassCheckHook',
    'SetEpochInfoHook',
    'YOLOXModeSwitchHook',
    # MMRazor
    'DMCPSubnetHook',
    'DumpSubnetHook',
    'EstimateResourcesHook',
    'PruningStructureHook',
    'RazorVisualizationHook',
    'ResourceInfoHook',
)
#: Hooks that work for all streams as they are.
ON_RUN = (
    # MMEngine
    'CheckpointHook',
    'DistSamplerSeedHook',
    'EMAHook',  # MMPretrain's too
    'EarlyStoppingHook',
    'EmptyCacheHook',
    'IterTimerHook',
    'LoggerHook',
    'NPUProfilerHook',
    'NaiveVisualizationHook',
    'ParamSchedulerHook',
    'ProfilerHook',
    'RuntimeInfoHook',
    'SyncBuffersHook',
    # MMPretrain and MMAction2
    'VisualizationHook',
    # MMDetection
    'CheckInvalidLossHook',
    'DetVisualizationHook',
    'GroundingVisualizationHook',
    'MemoryProfilerHook',
    'PipelineSwitchHook',
    'SyncNormHook',
    'TrackVisualizationHook',
    # MMSegmentation
    'SegVisualizationHook',
)
#: Hooks, loops and constructors that cannot work on a distillation, and what does the
#: same.
REFUSED = {
    'MeanTeacherHook': 'it averages the student into a teacher that is neither trained '
    'nor saved. Take an `EMAHook`, which averages every trained stream, or train the '
    'teacher',
    'StopDistillHook': "it stops the distillers of MMRazor. Write `phases` of DynKD's: "
    "`phases=[dict(name='distil'), dict(name='alone', begin=10, transfers=[])]`",
    'PrepareTTAHook': 'test-time augmentation takes one plain model. Export the stream '
    'and test it with the config that is written beside its weights',
    'TeacherStudentValLoop': 'it is for the semi-supervised detectors of MMDetection. '
    'Take `dynkd.StreamValLoop`, which names metrics alike',
    'SingleTeacherDistillValLoop': "it is for MMRazor's distillers. Take "
    '`dynkd.StreamValLoop`',
    'SelfDistillValLoop': "it is for MMRazor's distillers. Take `dynkd.StreamValLoop`",
    'RetrievalValLoop': 'it asks the model for features of whole data sets. Export the '
    'stream, and evaluate it with its plain config',
    'RetrievalTestLoop': 'it asks the model for features of whole data sets. Export '
    'the stream, and evaluate it with its plain config',
    'SeparateOptimWrapperConstructor': "it is for MMRazor's algorithms, of named "
    'parts. Take `dynkd.StreamOptimWrapperConstructor`',
    'MultiLoaderEpochBasedTrainLoop': 'it feeds batches of several data sets to one '
    'model. Join them into one data set',
}
#: Constructors of optimizers that ask a plain model for its parts: they receive the
#: streams' one by one.
CONSTRUCTORS = (
    'LearningRateDecayOptimWrapperConstructor',  # MMPretrain
    'LearningRateDecayOptimizerConstructor',  # MMDetection, MMAction2, MMSegmentation
    'SwinOptimWrapperConstructor',  # MMAction2
    'TSMOptimWrapperConstructor',  # MMAction2
    'LayerDecayOptimizerConstructor',  # MMSegmentation
    'ForceDefaultOptimWrapperConstructor',  # MMSegmentation
)
#: Where hooks are whose way with the model is known.
_KNOWN = ('dynkd', 'mmengine', 'mmpretrain', 'mmdet', 'mmaction', 'mmrazor', 'mmseg')
_READS_MODEL = re.compile(r'\brunner\.model\b')


def place_hooks(runner: Any) -> None:
    """Have the hooks of a run that reach into a plain model act on the main stream.

    Args:
        runner (Runner): The runner of a distillation, with its hooks.

    Raises:
        ValueError: If one cannot work on a distillation.
    """
    from mmengine.logging import print_log
    from mmengine.registry import HOOKS

    for index, hook in enumerate(runner.hooks):
        names = _names(hook)
        check_refused(names)
        found = next((name for name in names if name in ON_STREAM), None)
        if found is not None and 'StreamHook' not in names:
            wrapped = HOOKS.build(dict(type='dynkd.StreamHook', hook=hook))
            runner.hooks[index] = wrapped
            print_log(
                f'{found} reaches into a plain model: it acts on the main stream. For '
                'another: '
                f"dict(type='dynkd.StreamHook', stream='…', hook=dict(type='{found}'))",
                logger='current',
            )
        elif _reads_model(hook):
            print_log(
                f'{names[0]} reads `runner.model`, which is a distillation. If it '
                'expects a plain model, write '
                f"dict(type='dynkd.StreamHook', hook=dict(type='{names[0]}'))",
                logger='current',
                level=logging.WARNING,
            )


def check_refused(names: list[str]) -> None:
    """Refuse what cannot work on a distillation.

    Args:
        names (list[str]): Names of a class and of those that it derives from.

    Raises:
        ValueError: If it cannot.
    """
    for name in names:
        if name in REFUSED:
            raise ValueError(
                f'{name} does not work on a distillation: {REFUSED[name]}.'
            )


def check_parts(runner: Any) -> None:
    """Refuse loops and optimizer constructors that cannot work on a distillation.

    Args:
        runner (Runner): The runner of a distillation.

    Raises:
        ValueError: If there is one.
    """
    for loop in (runner._train_loop, runner._val_loop, runner._test_loop):
        check_refused([_kind(loop, 'type')])
    wrapper = runner.optim_wrapper
    if isinstance(wrapper, Mapping):
        own = wrapper.get('streams') or {}
        for cfg in (wrapper, *own.values()):
            check_refused([_kind(cfg, 'constructor')])


def _kind(cfg: Any, key: str) -> str:
    """The name of the class that a config names."""
    from dynkd.utils import type_name

    return type_name(cfg.get(key)) if isinstance(cfg, Mapping) else ''


def _names(hook: Any) -> list[str]:
    """The names of a hook's class and of those that it derives from."""
    return [cls.__name__ for cls in type(hook).__mro__]


def _reads_model(hook: Any) -> bool:
    """Whether a hook of the user's mentions the runner's model."""
    if type(hook).__module__.partition('.')[0] in _KNOWN:
        return False
    try:
        return bool(_READS_MODEL.search(inspect.getsource(type(hook))))
    except (OSError, TypeError):
        return False
