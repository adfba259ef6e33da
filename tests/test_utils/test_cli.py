# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What the tools say of options and configs that cannot be."""

import argparse

import pytest
from mmengine.config import Config

from dynkd.utils.cli import (
    apply_training_options,
    base_parser,
    config_of_file,
    is_first,
    name_copy,
    parse_evaluation,
    read_config,
    read_evaluation,
)


@pytest.fixture
def parsed(tmp_path):
    """Read the options of a tool, of a config with this text."""

    def parse(text='model = dict()\nmodel.update(a=1)\n', *words):
        file = tmp_path / 'mine.py'
        file.write_text(text)
        return base_parser('A tool').parse_args([str(file), *words])

    return parse


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('model = dict(', r'mine\.py: .*(closed|syntax|EOF)'),
        ("_base_ = './none.py'", 'none.py'),
        ('train_cfg = dict()', r'mine.py has no `model`'),
    ],
)
def test_what_is_no_config_is_said_in_one_line(parsed, text, message):
    with pytest.raises(SystemExit, match=message):
        read_config(parsed(text))


def test_another_kind_of_file(tmp_path):
    (tmp_path / 'n.txt').touch()
    with pytest.raises(SystemExit, match=r'n\.txt: Only py'):
        config_of_file(str(tmp_path / 'n.txt'))


def test_a_setting_without_a_value(parsed, capsys):
    with pytest.raises(SystemExit) as ended:
        parsed('model = dict(a=1)', '--cfg-options', 'a=1', 'foo')
    assert ended.value.code == 2
    assert "--cfg-options: 'foo' is not a key=value" in capsys.readouterr().err
    assert parsed('model = dict(a=1)', '--cfg-options', 'a=1').cfg_options == {'a': 1}


@pytest.mark.parametrize(
    ('launcher', 'variable'),
    [('pytorch', 'RANK'), ('slurm', 'SLURM_PROCID'), ('mpi', 'OMPI_COMM_WORLD_RANK')],
)
def test_a_launcher_that_did_not_launch(parsed, monkeypatch, launcher, variable):
    monkeypatch.delenv(variable, raising=False)
    args = parsed('model = dict(a=1)', '--launcher', launcher)
    with pytest.raises(SystemExit, match=f'--launcher {launcher}: {variable} is not'):
        read_config(args)
    assert is_first(launcher)
    monkeypatch.setenv(variable, '1')
    assert not is_first(launcher) and is_first('none')


@pytest.mark.parametrize(
    ('cfg', 'option', 'message'),
    [
        (dict(), 'amp', 'no `optim_wrapper`'),
        (dict(optim_wrapper=None), 'amp', 'no `optim_wrapper`'),
        (dict(), 'auto_scale_lr', 'base_batch_size'),
        (dict(auto_scale_lr=None), 'auto_scale_lr', 'base_batch_size'),
    ],
)
def test_options_that_the_config_has_no_part_for(cfg, option, message):
    args = argparse.Namespace(amp=False, auto_scale_lr=False, resume=None)
    setattr(args, option, True)
    with pytest.raises(SystemExit, match=message):
        apply_training_options(Config(cfg), args)


def test_the_metrics_are_written_to_a_file(tmp_path, monkeypatch, capsys):
    (tmp_path / 'd.json').mkdir()
    monkeypatch.setattr('sys.argv', ['test.py', 'c.py', '--out', f'{tmp_path}/d.json'])
    with pytest.raises(SystemExit) as ended:
        parse_evaluation(base_parser('A tool'))
    assert ended.value.code == 2 and '--out is a folder' in capsys.readouterr().err


def test_an_evaluation_resumes_nothing_and_keeps_the_config(parsed):
    cfg = read_evaluation(parsed('model = dict(a=1)\nresume = True\n'), 'test')
    assert cfg.resume is False
    assert cfg.filename.endswith('/test_mine.py')


def test_the_name_of_a_copy():
    cfg = Config(dict(a=1))
    name_copy(cfg, 'other.py')
    assert cfg.filename == 'other.py'
