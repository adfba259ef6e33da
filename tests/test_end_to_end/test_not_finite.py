# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""A training that diverges stops, and leaves what was good as it was."""

from pathlib import Path
from typing import Callable

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from dynkd.utils import NonFiniteError

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
METHODS = dict(
    dkd='dkd/resnet18_resnet18half_digits.py',
    ekd='ekd/resnet18_resnet18half_digits.py',
    dpk='dpk/resnet18_resnet18half_digits.py',
    iakd='iakd/resnet32_resnet20_digits.py',
    dtskd='dtskd/resnet18half_digits.py',
)
QUICK = ('dkd', 'iakd')


@pytest.fixture
def prepare(data, tmp_path) -> Callable[..., Config]:
    """The config of a method, as it is but for tiny data and no trained teacher."""

    def prepare(method: str, epochs: int, **cfg) -> Config:
        found = Config.fromfile(CONFIGS / METHODS[method])
        for part, split in (('train', 'cls_train'), ('val', 'cls_val')):
            loader = found[f'{part}_dataloader']
            loader.update(batch_size=4, num_workers=0)
            loader.dataset.update(data_root=str(data / split))
        for stream in found.model.streams.values():
            stream.pop('checkpoint', None)
        found.train_cfg.update(max_epochs=epochs, val_interval=1)
        found.merge_from_dict(dict(cfg, log_level='ERROR', work_dir=str(tmp_path)))
        # Runs of one process are told apart by their names.
        found.experiment_name = f'{method}-{epochs}'
        return found

    return prepare


def diverging(cfg: Config) -> Config:
    """The same run, resumed with a learning rate that is far too high."""
    cfg.resume = True
    cfg.param_scheduler = []
    cfg.custom_hooks.append(dict(type='HighRate'))
    return cfg


@pytest.fixture
def high_rate():
    """A hook that sets the learning rate, which a resumed optimizer brings along."""
    from mmengine.hooks import Hook
    from mmengine.registry import HOOKS

    @HOOKS.register_module()
    class HighRate(Hook):
        def before_train_epoch(self, runner) -> None:
            wrapper = runner.optim_wrapper
            for own in getattr(wrapper, 'optim_wrappers', {'': wrapper}).values():
                for group in own.optimizer.param_groups:
                    group['lr'] = 1e6

    yield
    HOOKS._module_dict.pop('HighRate')


def content(folder: Path) -> dict[str, bytes]:
    """The weights that a run has written."""
    return {path.name: path.read_bytes() for path in folder.glob('*.pth')}


@pytest.mark.parametrize(
    'method',
    [m if m in QUICK else pytest.param(m, marks=pytest.mark.slow) for m in METHODS],
)
def test_diverging_run_stops_and_touches_nothing(prepare, tmp_path, method, high_rate):
    Runner.from_cfg(prepare(method, epochs=1)).train()
    before = content(tmp_path)
    assert {'epoch_1.pth', 'student.pth'} < set(before)
    assert any(name.startswith('best_') for name in before)
    run = Runner.from_cfg(diverging(prepare(method, epochs=4)))
    with pytest.raises(NonFiniteError) as stopped:
        run.train()
    text = str(stopped.value)
    if 'iteration' in text:
        assert '1e+06' in text and ('of stream `' in text or 'transfer `' in text)
    new = content(tmp_path)
    # Epochs in which all was finite may have been saved, and be the best; no others.
    assert new['epoch_1.pth'] == before['epoch_1.pth']
    assert new['student.pth'] == before['student.pth']
    for name in new.keys() - before.keys():
        state = torch.load(tmp_path / name, weights_only=False)['state_dict']
        assert all(v.isfinite().all() for v in state.values()), name


def test_tool_ends_with_one_line_and_status_1(run, tools, configs, tmp_path):
    done = run(
        tools / 'train.py',
        configs / 'fcos_pair.py',
        '--work-dir',
        tmp_path,
        '--cfg-options',
        'custom_hooks.2.type=dynkd.FiniteHook',
        'optim_wrapper.streams.student.optimizer.lr=1e30',
        'optim_wrapper.streams.student.clip_grad=None',
        'param_scheduler.student=[]',
        status=1,
    )
    (line,) = [text for text in done.stderr.splitlines() if 'train.py:' in text]
    assert 'Traceback' not in done.stderr
    assert 'not finite' in line and '`student`' in line and '1e+30' in line
    assert not list(tmp_path.glob('*.pth'))
