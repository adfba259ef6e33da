# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Parts of the libraries that expect a plain model: each is known, and placed."""

import importlib

import pytest
from mmengine.hooks import Hook
from mmengine.registry import Registry

from dynkd.compat import plain_parts

LIBRARIES = ('mmengine', 'mmpretrain', 'mmdet', 'mmaction', 'mmrazor', 'mmseg')


def registered(kind: str) -> set[str]:
    """The names of all classes of a kind that the installed libraries register."""
    names: set[str] = set()
    for library in LIBRARIES:
        # Some register their classes with MMEngine.
        pytest.importorskip(
            'mmengine' if library == 'mmengine' else f'{library}.engine'
        )
    for library in LIBRARIES:
        found = importlib.import_module(f'{library}.registry')
        registry: Registry = getattr(found, kind)
        registry.import_from_location()
        names |= {
            name
            for name, cls in registry.module_dict.items()
            if getattr(cls, '__module__', '').startswith(LIBRARIES)
        }
    return names


def test_every_hook_of_the_libraries_is_known():
    known = {*plain_parts.ON_STREAM, *plain_parts.ON_RUN, *plain_parts.REFUSED}
    found = registered('HOOKS')
    assert len(found) > 30
    assert found <= known, 'say what these do on a distillation'
    hooks = {name for name in known if name.endswith('Hook')}
    assert hooks <= found, 'there are no such hooks'


def test_every_constructor_of_optimizers_is_known():
    known = {*plain_parts.CONSTRUCTORS, 'SeparateOptimWrapperConstructor'}
    found = registered('OPTIM_WRAPPER_CONSTRUCTORS')
    assert found - {'DefaultOptimWrapperConstructor'} == known


class Runner:
    _train_loop = _val_loop = _test_loop = optim_wrapper = None

    def __init__(self, *hooks, **loops):
        self.hooks = list(hooks)
        for name, loop in loops.items():
            setattr(self, name, loop)


@pytest.mark.parametrize('name', ['MeanTeacherHook', 'StopDistillHook'])
def test_a_hook_that_cannot_work_is_refused(name):
    derived = type('Own', (type(name, (Hook,), {}),), {})
    with pytest.raises(ValueError, match=f'{name} does not work on a distillation: it'):
        plain_parts.place_hooks(Runner(derived()))


@pytest.mark.parametrize(
    ('field', 'cfg', 'message'),
    [
        (
            '_val_loop',
            dict(type='mmdet.TeacherStudentValLoop'),
            'TeacherStudentValLoop.*StreamValLoop',
        ),
        (
            'optim_wrapper',
            dict(constructor='mmrazor.SeparateOptimWrapperConstructor'),
            'SeparateOptimWrapperConstructor.*MMRazor',
        ),
        (
            'optim_wrapper',
            dict(streams=dict(a=dict(constructor='SeparateOptimWrapperConstructor'))),
            'SeparateOptimWrapperConstructor.*MMRazor',
        ),
    ],
)
def test_other_parts_that_cannot_work_are_refused(field, cfg, message):
    plain_parts.check_parts(Runner(_val_loop=dict(type='ValLoop')))
    with pytest.raises(ValueError, match=message):
        plain_parts.check_parts(Runner(**{field: cfg}))


class Reaching(Hook):
    def before_train(self, runner):
        print(runner.model)


def test_a_hook_of_the_user_that_reads_the_model_is_told(monkeypatch):
    told = []
    monkeypatch.setattr(
        'mmengine.logging.print_log', lambda text, **_: told.append(text)
    )
    runner = Runner(Reaching(), type('Own', (Hook,), {})())
    plain_parts.place_hooks(runner)
    assert [hook.__class__.__name__ for hook in runner.hooks] == ['Reaching', 'Own']
    assert len(told) == 1 and told[0].startswith('Reaching reads `runner.model`')
