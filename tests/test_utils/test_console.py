# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What is for the log is in the log, and not on the screen."""

import warnings

import pytest
from mmengine.config import Config
from mmengine.model import BaseModel

from dynkd.utils.cli import build_runner
from dynkd.utils.console import silence_known_warnings

CONFIG = dict(
    model=dict(type='ScreenModel'),
    experiment_name='screen',
    a_field_of_the_config='seen',
)


@pytest.fixture(autouse=True)
def model():
    from mmengine.registry import MODELS

    @MODELS.register_module(force=True)
    class ScreenModel(BaseModel):
        def forward(self, inputs, data_samples=None, mode='tensor'):
            return inputs

    yield
    MODELS.module_dict.pop('ScreenModel')


def test_environment_and_config_go_to_the_file(tmp_path, capfd):
    runner = build_runner(Config(dict(CONFIG, work_dir=str(tmp_path))))
    runner.logger.info('a line of the run')
    shown = ''.join(capfd.readouterr())
    (log,) = tmp_path.glob('*/*.log')
    written = log.read_text()
    for text in ('System environment', 'a_field_of_the_config', 'Hooks will be'):
        assert text in written and text not in shown
    assert 'a line of the run' in shown and 'a line of the run' in written
    assert f'Environment, config and hooks: {log}' in shown
    assert len(shown.splitlines()) < 12


def test_other_runners_are_as_before(tmp_path, capfd):
    from mmengine.runner import Runner

    build_runner(Config(dict(CONFIG, work_dir=str(tmp_path / 'a'))))
    capfd.readouterr()
    cfg = Config(dict(CONFIG, work_dir=str(tmp_path / 'b'), experiment_name='other'))
    Runner.from_cfg(cfg)
    assert 'System environment' in ''.join(capfd.readouterr())


def test_one_known_warning_is_silenced():
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter('always')
        silence_known_warnings()
        warnings.warn('pkg_resources is deprecated as an API.', stacklevel=2)
        warnings.warn('something else', stacklevel=2)
    assert [str(one.message) for one in seen] == ['something else']
