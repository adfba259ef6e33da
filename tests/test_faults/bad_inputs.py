# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Bad configs and inputs: each a small change of a config that works.

``python tests/test_faults/bad_inputs.py`` tries all of them, and prints how many were
refused before the first step by a message that names what is wrong, or warned of.
"""

import copy
import inspect
import io
import logging
import math
import re
import signal
import sys
import tempfile
import typing
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Annotated, Any, Optional, Union

import bases
import torch
from mmengine.config import Config, ConfigDict
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from mmengine.visualization import Visualizer

from dynkd.models.algorithms import Distillation
from dynkd.models.algorithms.phase import Phase
from dynkd.models.methods.iakd import Interaction
from dynkd.models.streams import StreamConfig
from dynkd.models.streams.branches import StageBranches
from dynkd.models.transfers import Transfer
from dynkd.registry import MODELS, SCHEDULES, STORES, TRANSFER_GROUPS

#: Seconds after which a case hangs.
_PATIENCE = 120
#: Set to a field's value, takes it away.
REMOVED = object()


@dataclass(frozen=True)
class Case:
    """A bad config.

    Args:
        base (str): Name of the config that is changed.
        field (str): The field, from the top of the config.
        value (Any): What it is set to.
        message (str): What the message says, a regular expression.
        warns (bool): Whether a warning is enough. Defaults to False.
    """

    base: str
    field: str
    value: Any
    message: str
    warns: bool = False

    @property
    def name(self) -> str:
        """str: Its name among the others."""
        value = 'removed' if self.value is REMOVED else repr(self.value)
        shown = ''.join(filter(str.isprintable, value))[:40]
        return f'{self.base}-{self.field}={shown}'.replace('::', ':')


# ------------------------------------------------------------------ by annotation

#: The values to try, and the types that they may stand for.
_VALUES: list[tuple[Any, tuple[Any, ...]]] = [
    (math.nan, ()),
    (math.inf, ()),
    ('no', (str,)),
    (1.5, (float,)),
    (7, (int, float)),
    ([None], (list,)),
]


def arms(annotation: Any) -> Iterator[Any]:
    """The types that an annotation permits."""
    if typing.get_origin(annotation) is Union:
        for arm in typing.get_args(annotation):
            yield from arms(arm)
    else:
        yield annotation


def bad_values(annotation: Any) -> list[Any]:
    """Values that an annotation does not permit."""
    kinds, bounded = set(), False
    for arm in arms(annotation):
        if typing.get_origin(arm) is Annotated:
            arm, *bounds = typing.get_args(arm)
            bounded = bounded or getattr(bounds[0], 'low', -1) >= 0
        kind = typing.get_origin(arm) or arm
        listed = isinstance(kind, type) and issubclass(kind, (list, tuple, Sequence))
        kinds.add(list if listed and kind is not str else kind)
    if Any in kinds:
        return []
    numeric = kinds & {int, float}
    values = [value for value, fits in _VALUES if not kinds & set(fits)]
    if not numeric:  # one number that it is not is enough
        values = [v for v in values if not (isinstance(v, float) and v != 1.5)]
    # No number below zero fits what counts or weighs.
    return [*values, -1] if numeric and bounded else values


def annotated(base: str, fields: Mapping[str, type]) -> Iterator[Case]:
    """A case for each field of what a config builds, and each value that it is not.

    Args:
        base (str): Name of the config.
        fields (dict[str, type]): Classes by the field at which they are built.

    Yields:
        Case: The cases.
    """
    for place, cls in fields.items():
        hints = typing.get_type_hints(cls.__init__, include_extras=True)
        names = list(inspect.signature(cls.__init__).parameters)[1:]
        # What the field says itself, and not what else builds the class.
        for name in names:
            given = name in _GIVEN.get(cls.__name__, ())
            if name not in hints or name == 'return' or given:
                continue
            for value in bad_values(hints[name]):
                yield Case(base, f'{place}.{name}', value, re.escape(name))


#: What a class is not given by the field that builds it.
_BRANCH = ('in_channels', 'deeper_channels', 'num_classes', 'init_cfg')
_GIVEN = dict(
    StreamConfig=('name',),
    StageBranches=('channels', 'stages'),
    GuidedModule=_BRANCH,
    MixedFusionModule=_BRANCH,
    Transfer=(),
)


def generated() -> list[Case]:
    """The cases of all annotations."""
    student = {'model.streams.student': StreamConfig}
    models, groups = MODELS.get, TRANSFER_GROUPS.get
    table: dict[str, dict[str, Any]] = dict(
        dkd={
            **student,
            'model': Distillation,
            'model.phases.0': Phase,
            'model.transfers.loss_emd': Transfer,
            'model.transfers.loss_emd.loss': models('EMDLoss'),
            'model.transfers.loss_kld.loss': models('KLDLoss'),
            'model.transfers.loss_mmd.loss': models('MMDLoss'),
            'model.transfers.loss_mse.loss': models('FeatureLoss'),
            'model.transfers.loss_mse.target_connector': models('ChannelAligner'),
            'model.transfers.loss_mse.loss.loss_weight': SCHEDULES.get(
                'LinearSchedule'
            ),
        },
        ekd={
            'model.streams.student.branches': StageBranches,
            'model.streams.student.branches.module': models('GuidedModule'),
            'model.transfers.loss_ekd': groups('EvolutionaryTransfers'),
        },
        dpk={
            'model.transfers.loss_dpk.connector': models('PriorKnowledge'),
            'model.transfers.loss_dpk.loss': models('FGDLoss'),
            'model.transfers.loss_dpk.connector.ratio': models('CKARatio'),
        },
        iakd={
            'model.interaction': Interaction,
            'model.transfers.loss_hkd': groups('NonInteractiveTransfers'),
        },
        dtskd={
            'model.stores.history': STORES.get('PredictionStore'),
            'model.streams.student.branches.module': models('MixedFusionModule'),
            'model.transfers.loss_dual': groups('DualTeacherTransfers'),
        },
        video={'model.transfers.loss_kld.loss': models('KLDLoss')},
    )
    return [case for base, own in table.items() for case in annotated(base, own)]


# ------------------------------------------------------------------------- by hand

NAN, INF = math.nan, math.inf
_STUDENT = 'model.streams.student'
_OPTIM = 'optim_wrapper'
_SGD = dict(type='SGD', lr=0.1)
_STEPS = dict(type='MultiStepLR', milestones=[1], by_epoch=True)


def _of(base: str, *cases: tuple) -> list[Case]:
    return [Case(base, *case) for case in cases]


def written() -> list[Case]:
    """The cases that no annotation tells."""
    head = f'{_STUDENT}.model.head'
    prepare = f'{_STUDENT}.model.data_preprocessor'
    weight = 'model.transfers.loss_mse.loss.loss_weight'
    linear = dict(type='LinearSchedule', start=0.0, stop=1.0)
    kld = 'model.transfers.loss_kld'
    model = [
        ('model.streams', ['student'], 'streams'),
        ('model.transfers', ['loss_emd'], 'transfers'),
        ('model.transfers', 'loss_emd', 'transfers'),
        ('model.stores', [1], 'stores'),
        (_STUDENT, None, 'student.*not None'),
        (_STUDENT, 3, 'student.*not 3'),
        (f'{_STUDENT}.modle', dict(), 'modle.*Did you mean `model`'),
        (f'{_STUDENT}.checkpoint', 'none.pth', 'none.pth.*not exist'),
        (f'{_STUDENT}.input_shape', (1, 32, 32), 'input_shape'),
        (f'{_STUDENT}.input_shape', (0, 32, 32), r'input_shape\[0\]'),
        (f'{_STUDENT}.input_shape', (3, 32), 'input_shape'),
        (f'{_STUDENT}.proposals', 'teecher', 'teecher'),
        (f'{head}.loss.loss_weight', NAN, 'student.*loss_weight.*finite'),
        (f'{head}.loss.loss_weight', -1.0, 'student.*loss_weight.*negative'),
        (f'{head}.loss.loss_weight', INF, 'student.*loss_weight.*finite'),
        (f'{prepare}.std', [0.0] * 3, 'student.*std.*positive'),
        (f'{prepare}.std', [NAN] * 3, 'student.*std.*finite'),
        (f'{prepare}.std', [-1.0] * 3, 'student.*std.*positive'),
        (f'{prepare}.mean', [INF] * 3, 'student.*mean.*finite'),
        *((f'model.streams.{name}', bases.stream(), f'named.*{name}|the name of')
          for name in ('items', 'forward', 'class', 'self', 'keys', 'type', 'pop',
                       'two words', 'training')),
        (f'{kld}.loss.temprature', 2.0, 'temprature.*Did you mean `temperature`'),
        (f'{kld}.loss.temperature', 1e-30, 'temperature.*lie in'),
        (f'{kld}.loss.temperature', 0, 'temperature.*lie in'),
        (f'{kld}.loss.temperature', 1e30, 'temperature.*lie in'),
        (f'{kld}.loss.type', 'KLDLos', 'KLDLos'),
        (f'{kld}.loss', REMOVED, 'loss'),
        (f'{kld}.source', 'teacher.haed', 'haed.*head'),
        (f'{kld}.source', 'teecher.head', 'teecher'),
        (f'{kld}.target', 'teacher.head', 'same tap'),
        (f'{kld}.source', 'student.head', 'same tap'),
        (f'{kld}.loss', dict(type='KLDLoss', loss_weight='abc'), 'loss_weight'),
        ('model.transfers.kd', dict(source='teacher.head', target='student.head',
                                    loss=dict(type='KLDLoss')), 'contain "loss"'),
        (weight, dict(linear, start=-1.0), 'loss_weight.*start'),
        (weight, dict(linear, stop=NAN), 'stop'),
        (weight, dict(linear, stop='1'), 'stop'),
        (weight, dict(linear, begin=5, end=2), 'end.*begin'),
        (weight, dict(linear, begin=-3), 'begin'),
        (weight, dict(linear, by_epoch='no'), 'by_epoch'),
        (weight, dict(type='ExponentialSchedule', start=1.0, gamma=-2.0), 'gamma'),
        (weight, dict(type='ExponentialSchedule', start=1.0, gamma=NAN), 'gamma'),
        (weight, dict(type='ConstantSchedule', value=INF), 'value'),
        (weight, dict(type='StepSchedule', values=[0.0, 1.0], milestones=[-3]),
         'milestones'),
        (weight, dict(type='StepSchedule', values=[0.0, -1.0], milestones=[1]),
         'values'),
        (weight, dict(type='StepSchedule', values=[0.0], milestones=[1]), 'values'),
        (weight, dict(type='LinearShedule'), 'LinearShedule'),
        ('model.phases', dict(name='a'), 'phases'),
        ('model.phases.0.transfers', 'loss_emd', 'transfers'),
        ('model.phases.0.frozen', 'teacher', 'frozen'),
        ('model.phases.0.frozen', ['teacher', 'student'], 'every stream'),
        ('model.phases.0.frozen', ['teecher'], 'teecher'),
        ('model.phases.0.transfers', ['loss_x'], 'loss_x'),
        ('model.phases.1.begin', 0, 'follow one another'),
        ('model.phases.1.begin', 1.5, 'begin'),
        ('model.phases.1.begin', 99, 'begins after 99'),
        ('model.phases.1.name', 'static', 'two phases.*static'),
        ('model.phases.1.by_epoch', False, 'all count'),
    ]  # fmt: skip
    run = [
        (f'{_OPTIM}.optimizer.lr', NAN, 'lr'),
        (f'{_OPTIM}.optimizer.lr', INF, 'lr'),
        (f'{_OPTIM}.optimizer.lr', -1.0, 'lr'),
        (f'{_OPTIM}.optimizer.lr', 'abc', 'lr'),
        (f'{_OPTIM}.optimizer.weight_decay', NAN, 'weight_decay'),
        (f'{_OPTIM}.optimizer.weight_decay', INF, 'weight_decay'),
        (f'{_OPTIM}.optimizer.weight_decay', -1.0, 'weight_decay'),
        (f'{_OPTIM}.optimizer.momentum', NAN, 'momentum'),
        (f'{_OPTIM}.clip_grad', dict(max_norm=NAN), 'max_norm'),
        (f'{_OPTIM}.clip_grad', dict(max_norm=INF), 'max_norm'),
        (f'{_OPTIM}.clip_grad', dict(max_norm=-1.0), 'max_norm'),
        (f'{_OPTIM}.clip_grad', dict(max_norm='abc'), 'max_norm'),
        (f'{_OPTIM}.clip_grad', dict(type='value', clip_value=NAN), 'clip_value'),
        (f'{_OPTIM}.streams', dict(teecher=dict(optimizer=_SGD)), 'teecher'),
        (f'{_OPTIM}.optimizer', REMOVED, 'optimizer'),
        ('param_scheduler', dict(student=[_STEPS]), 'teacher'),
        ('param_scheduler', dict(student=[], teacher=[], x=[]), '`x`'),
        ('param_scheduler', [dict(_STEPS, milestones=[-3])], 'milestones'),
        ('param_scheduler', [dict(_STEPS, gamma=NAN)], 'gamma'),
        ('param_scheduler', [dict(_STEPS, gamma=INF)], 'gamma'),
        (
            'param_scheduler',
            [dict(type='CosineAnnealingLR', T_max=2, eta_min=NAN)],
            'eta_min',
        ),
        ('train_cfg.val_interval', 0, 'val_interval'),
        ('train_cfg.val_interval', -1, 'val_interval'),
        ('train_cfg.val_interval', 1.5, 'val_interval'),
        (
            'default_hooks.checkpoint.save_best',
            'student/accurate/top1',
            'accuracy/top1',
        ),
        (
            'default_hooks.checkpoint.save_best',
            'student/accuracy/topp1',
            'Did you mean `student/accuracy/top1`',
        ),
        ('default_hooks.checkpoint.save_best', 'stdent/accuracy/top1', 'student'),
        ('val_cfg.streams', ['teecher'], 'teecher'),
        ('val_cfg.streams', 'student', 'streams'),
        ('val_cfg.branches', 'no', 'branches'),
        ('val_cfg.branches', True, 'branches'),
        ('val_cfg.fused', dict(student=NAN, teacher=1.0), 'fused.student'),
        ('val_cfg.fused', dict(student=1.0), 'fused'),
        ('train_dataloader.dataset.labels', 9, 'label 5.*teacher'),
        ('train_dataloader.dataset.broken', True, 'broken.png'),
        ('custom_hoks', [], 'custom_hoks.*custom_hooks', True),
        ('param_schedulers', [], 'param_schedulers.*param_scheduler', True),
        ('default_hook', dict(), 'default_hook.*default_hooks', True),
    ]
    two = [dict(type='dynkd.StoreHook')] * 2
    store = 'model.stores.history'
    dtskd = [
        ('custom_hooks', two, '2 of StoreHook'),
        (store, dict(k=5), '`k`.*topk'),
        (store, dict(format='float16', k=5), '`k`.*topk'),
        (store, dict(format='int8'), 'int8'),
        (store, dict(format='topk', k=50), 'k=50'),
        (store, dict(path=''), 'path.*empty'),
        (store, dict(pth='x'), 'pth.*Did you mean `path`'),
        ('model.stores.class', dict(), 'the name of a store'),
        ('model.stores.student', dict(), 'not that of a stream'),
        ('train_dataloader.batch_size', 1, 'batch of one sample'),
        ('model.transfers.loss_dual.beta', 1.5, 'beta'),
        ('model.transfers.loss_dual.beta', dict(type='LinearSchedule', start=0.0,
                                                stop=NAN), 'stop'),
        ('model.transfers.loss_dual.store', 'histry', 'histry'),
    ]  # fmt: skip
    iakd = [
        ('model.interaction', None, 'interaction'),
        ('model.interaction', [0.5], 'interaction'),
        ('model.interaction.probability', 0, 'probability'),
        ('model.interaction.probability', True, 'probability'),
        ('model.interaction.probability', 1.01, 'probability'),
        ('model.interaction.level', 'blok', 'blok'),
        ('model.streams.teacher.frozen', False, 'frozen'),
        (
            'model.interaction.probability',
            dict(type='ReviewSchedule', start=NAN),
            'start',
        ),
    ]
    ekd = [
        ('train_dataloader.batch_size', 1, 'student|teacher.*batch of one sample'),
        (f'{_STUDENT}.branches.num', 9, 'between 1 and'),
        (f'{_STUDENT}.branches.modul', dict(), 'modul'),
        (f'{_STUDENT}.branches.module', REMOVED, 'module'),
        ('model.transfers.loss_ekd.within', ['teecher'], 'teecher'),
    ]
    dpk = [
        ('model.transfers.loss_dpk.connector.ratio', 1.5, 'ratio'),
        ('model.transfers.loss_dpk.connector.mask', 'x', 'mask'),
        (f'{_STUDENT}.model.bbox_head.loss_cls', dict(
            type='mmdet.FocalLoss', loss_weight=NAN), 'student.*loss_weight'),
        (f'{_STUDENT}.model.data_preprocessor.std', [0.0] * 3, 'student.*std'),
    ]  # fmt: skip
    video = [
        (f'{_STUDENT}.model.data_preprocessor.std', [0.0] * 3, 'student.*std'),
        (f'{_STUDENT}.input_shape', (3, 32, 32), 'input_shape'),
    ]
    return [
        *_of('dkd', *model, *run),
        *_of('dtskd', *dtskd),
        *_of('iakd', *iakd),
        *_of('ekd', *ekd),
        *_of('dpk', *dpk),
        *_of('video', *video),
    ]


def cases() -> list[Case]:
    """All cases."""
    return [*written(), *generated()]


# ------------------------------------------------------------------------ outcomes


def changed(case: Case) -> dict[str, Any]:
    """The config of a case."""
    cfg = bases.config(case.base)
    *path, last = case.field.split('.')
    place: Any = cfg
    for part in path:
        key: Any = int(part) if part.isdigit() else part
        if isinstance(place, dict) and not isinstance(place.get(key), (dict, list)):
            place[key] = {}
        place = place[key]
    if case.value is REMOVED:
        place.pop(last)
    else:
        place[last] = copy.deepcopy(case.value)
    return cfg


class LateError(Exception):
    """A step was begun."""


def _step(*args: Any, **kwargs: Any) -> None:
    raise LateError('the first step began')


@contextmanager
def _alone(patience: int = _PATIENCE) -> Iterator[None]:
    """No state of other cases, no step, and an end to waiting."""

    def give_up(*args: Any) -> None:
        raise TimeoutError('nothing happened')

    managers = (MessageHub, DefaultScope, MMLogger, Visualizer)
    before = [dict(manager._instance_dict) for manager in managers]
    step, Distillation.train_step = Distillation.train_step, _step
    # It asks the compiler for its version.
    log, Runner._log_env = Runner._log_env, lambda self, cfg: None
    handler = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(patience)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, handler)
        Distillation.train_step, Runner._log_env = step, log
        # Two runners of one second would share what they draw to.
        for manager, instances in zip(managers, before):
            manager._instance_dict.clear()
            manager._instance_dict.update(instances)


def begin(cfg: dict[str, Any]) -> None:
    """Train until the first step, which is not made."""
    known = inspect.signature(Runner.__init__).parameters
    others = {key: value for key, value in cfg.items() if key not in known}
    fields = {key: value for key, value in cfg.items() if key in known}
    with tempfile.TemporaryDirectory() as folder:
        fields.update(work_dir=folder, model=ConfigDict(cfg['model']))
        Runner(**fields, cfg=Config(others)).train()


def outcome(case: Case) -> tuple[str, str]:
    """What comes of a case.

    Returns:
        tuple[str, str]: ``'refused'``, ``'warned'``, ``'unclear'``, ``'silent'`` (the
        first step began) or ``'hangs'``; and what was said.
    """
    output = io.StringIO()
    said: Optional[str] = None
    with _alone(), redirect_stdout(output), redirect_stderr(output):
        try:
            begin(changed(case))
        except TimeoutError as error:
            return 'hangs', str(error)
        except LateError:
            pass
        except Exception as error:
            said = f'{type(error).__name__}: {error}'
        logging.shutdown([])
    if said is not None:
        clear = re.search(case.message, said, re.S) and not said.startswith('Attribute')
        return ('refused' if clear else 'unclear'), said
    text = output.getvalue()
    if case.warns and re.search(case.message, text):
        return 'warned', text
    return 'silent', text[-300:]


def main() -> None:
    """Try all cases, and say what came of them."""
    torch.set_num_threads(1)
    counts: dict[str, int] = {}
    every = cases()
    for case in every:
        kind, said = outcome(case)
        counts[kind] = counts.get(kind, 0) + 1
        if kind not in ('refused', 'warned'):
            print(f'{kind}: {case.name}: {said}', flush=True)
    well = counts.get('refused', 0) + counts.get('warned', 0)
    kinds = dict(silent='silent or late', unclear='unclear', hangs='hanging')
    rest = ', '.join(f'{text} {counts.get(kind, 0)}' for kind, text in kinds.items())
    print(f'{well}/{len(every)} refused or warned of before the first step; {rest}')
    sys.exit(well < len(every))


if __name__ == '__main__':
    main()
