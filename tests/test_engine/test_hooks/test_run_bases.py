# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Hooks of a base config are not dropped without a word."""

from types import SimpleNamespace

import pytest
from mmengine.config import Config
from mmengine.hooks import EMAHook

from dynkd.engine.hooks import run_bases
from dynkd.engine.hooks.export_hook import ExportHook
from dynkd.engine.hooks.stream_hook import StreamHook

BASE = "custom_hooks = [dict(type='EMAHook'), dict(type='mmdet.YOLOXModeSwitchHook')]\n"
RTMDET = 'mmdet::rtmdet/rtmdet_tiny_8xb32-300e_coco.py'


@pytest.fixture
def warned(monkeypatch):
    """Look at a config with some hooks; return what is said."""
    said: list[str] = []
    monkeypatch.setattr(run_bases, 'print_log', lambda text, **_: said.append(text))

    def look(path, *hooks) -> list[str]:
        runner = SimpleNamespace(cfg=Config.fromfile(path), hooks=list(hooks))
        run_bases.check_dropped_hooks(runner, None)
        return said

    return look


@pytest.fixture
def config(tmp_path):
    """Write a config that replaces its base's hooks."""

    def write(head: str, base: str = BASE, name: str = 'own.py') -> str:
        (tmp_path / 'base.py').write_text(base)
        (tmp_path / '__init__.py').touch()
        hooks = "custom_hooks = [dict(type='dynkd.ExportHook')]\n"
        (tmp_path / name).write_text(head + hooks)
        return str(tmp_path / name)

    return write


def test_dropped_hooks_are_named(warned, config):
    (said,) = warned(config("_base_ = './base.py'\n"), ExportHook())
    assert 'EMAHook, YOLOXModeSwitchHook does not act' in said
    assert '`custom_hooks` of own.py replaces' in said


def test_those_of_an_installed_library(warned, config):
    (said,) = warned(config(f"_base_ = '{RTMDET}'\n"), ExportHook())
    assert 'EMAHook, PipelineSwitchHook does not act' in said


def test_those_of_a_config_in_pure_python(warned, config):
    head = (
        'from mmengine.config import read_base\n'
        'with read_base():\n'
        '    from .base import *\n'
    )
    (said,) = warned(config(head), ExportHook())
    assert 'EMAHook' in said


def test_hooks_that_are_there_are_not_missed(warned, config):
    """Also those that a stream is given, or that were added otherwise."""
    path = config("_base_ = './base.py'\n")
    switch = StreamHook(hook=dict(type='mmdet.YOLOXModeSwitchHook'))
    assert warned(path, EMAHook(), switch) == []


def test_a_config_without_a_base_or_a_file(warned, config):
    assert warned(config('')) == []
    runner = SimpleNamespace(cfg=Config(dict(custom_hooks=[])), hooks=[])
    run_bases.check_dropped_hooks(runner, None)


def test_the_two_ways_of_adding_that_the_message_names(tmp_path, runner):
    (tmp_path / 'base.py').write_text(BASE)
    (tmp_path / 'own.py').write_text(
        "_base_ = './base.py'\n"
        "default_hooks = dict(export=dict(type='dynkd.ExportHook'))\n"
        "custom_hooks = [*_base_.custom_hooks, dict(type='dynkd.FiniteHook')]\n"
    )
    cfg = Config.fromfile(tmp_path / 'own.py')
    names = ['EMAHook', 'mmdet.YOLOXModeSwitchHook', 'dynkd.FiniteHook']
    assert [hook.type for hook in cfg.custom_hooks] == names
    run = runner(default_hooks=cfg.default_hooks)
    assert any(isinstance(hook, ExportHook) for hook in run.hooks)
