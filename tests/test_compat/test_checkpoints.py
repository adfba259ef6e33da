# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import builtins
import io
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.logging import HistoryBuffer
from mmengine.runner import load_checkpoint
from mmengine.runner.checkpoint import CheckpointLoader

from dynkd.compat.checkpoints import (
    CheckpointError,
    UnsafeCheckpointError,
    load_checkpoint_file,
    load_from_http,
)
from dynkd.compat.restricted_pickle import Unpickler
from dynkd.compat.safe_globals import permitted_names

LOADERS = [
    load_checkpoint_file,
    lambda path: CheckpointLoader.load_checkpoint(str(path), 'cpu'),
    lambda path: load_checkpoint(torch.nn.Linear(1, 1), str(path)),
]


class Call:
    """Pickles as a call of any function."""

    def __init__(self, function, *args):
        self.reduced = (function, args)

    def __reduce__(self):
        return self.reduced


class Build:
    """Pickles as an object whose state is set to anything."""

    def __init__(self, function, args, state):
        self.reduced = (function, args, state)

    def __reduce__(self):
        return self.reduced


@pytest.mark.parametrize('load', LOADERS)
@pytest.mark.parametrize('zipped', [True, False])
def test_malicious_pickle_is_refused_and_does_not_run(tmp_path, load, zipped):
    path, witness = tmp_path / 'evil.pth', tmp_path / 'ran'
    evil = Call(os.system, f'touch {witness}')
    torch.save(
        {'state_dict': {}, 'meta': evil}, path, _use_new_zipfile_serialization=zipped
    )
    with pytest.raises(UnsafeCheckpointError) as error:
        load(path)
    assert not witness.exists()
    assert f'{os.system.__module__}.system' in str(error.value)
    assert str(path) in str(error.value) and 'torch.save' in str(error.value)
    torch.load(path, weights_only=False)
    assert witness.exists(), 'the file is not malicious: the test proves nothing'


@pytest.mark.parametrize('load', LOADERS)
@pytest.mark.parametrize(
    'evil',
    [
        Call(getattr, HistoryBuffer, '__init__'),
        Call(getattr, HistoryBuffer, 'update'),
        Call(getattr, Call(getattr, HistoryBuffer, 'min'), '__globals__'),
        Call(getattr, Call(builtins.__import__, 'os'), 'system'),
        Call(getattr, 'text', 'format'),
        Call(getattr, HistoryBuffer, 'nothing', 'default'),
        Call(eval, '1'),
        Call(builtins.__import__, 'os'),
        Call(np.dtype, 'O'),
        Call(np.dtype, 'f8,f8'),
        Build(
            np.dtype,
            ('S4', False, True),
            (3, '|', None, ('a',), {'a': (np.dtype('f8'), 999)}, 4, 1, 0),
        ),
        Call(np.load, 'x.npy'),
        Call(pickle.loads, b'N.'),
    ],
    ids=range(13),
)
def test_abuse_is_refused(tmp_path, load, evil):
    path = tmp_path / 'evil.pth'
    torch.save({'state_dict': {}, 'meta': evil}, path)
    with pytest.raises(UnsafeCheckpointError, match='is refused'):
        load(path)


def test_result_of_getattr_cannot_be_called(tmp_path):
    evil = Call(HistoryBuffer.min, HistoryBuffer([1.0], [1]))
    torch.save({'meta': evil}, tmp_path / 'evil.pth')
    with pytest.raises(UnsafeCheckpointError, match='min'):
        load_checkpoint_file(tmp_path / 'evil.pth')


@pytest.mark.parametrize(
    'value',
    [
        np.float64(0.25),
        np.int64(7),
        np.bool_(True),
        np.str_('text'),
        np.arange(6.0).reshape(2, 3),
        np.zeros((0, 3), np.float32),
        np.array(['cat', 'dog']),
        np.arange(3, dtype='>i4'),
        np.array([True, False]),
        np.asfortranarray(np.arange(6).reshape(2, 3)),
    ],
    ids=repr,
)
def test_numpy_values_of_any_numpy_release(tmp_path, value):
    path = tmp_path / 'values.pth'
    torch.save({'value': value}, path)
    loaded = load_checkpoint_file(path)['value']
    # NumPy itself turns the order of bytes into the machine's.
    assert type(loaded) is type(value)
    assert loaded.dtype == value.dtype.newbyteorder('=')
    np.testing.assert_array_equal(loaded, value)
    data = pickle.dumps(value, protocol=2)
    old, new = b'numpy.core.multiarray', b'numpy._core.multiarray'
    other = data.replace(new, old) if new in data else data.replace(old, new)
    assert data != other
    np.testing.assert_array_equal(_load_pickle(other), value)


def _load_pickle(data):
    """Loads a pickle as one in a checkpoint is."""
    size = len(data)
    names = permitted_names(size)
    return Unpickler(io.BytesIO(data), size, names).load()


@pytest.mark.parametrize('values', [np.zeros(3 * 2**19), np.random.rand(3 * 2**19)])
def test_histories_may_be_most_of_a_file(tmp_path, values):
    """As after a long training of a small model; both are larger than the slack."""
    buffer = HistoryBuffer(values, np.ones(len(values), dtype=np.int64), 10**7)
    torch.save({'buffer': buffer, 'weight': torch.ones(2)}, tmp_path / 'long.pth')
    loaded = load_checkpoint_file(tmp_path / 'long.pth')
    np.testing.assert_array_equal(loaded['buffer'].data[0], values)


def test_empty_history_and_config_dict(tmp_path):
    meta = ConfigDict(palette=[(1, 2, 3)], classes=ConfigDict(first='cat'))
    torch.save({'buffer': HistoryBuffer(), 'meta': meta}, tmp_path / 'values.pth')
    loaded = load_checkpoint_file(tmp_path / 'values.pth')
    assert type(loaded['meta']) is ConfigDict and loaded['meta'] == meta
    assert loaded['buffer'].data[0].size == 0


def test_published_formats(tmp_path):
    """Old mmcv's meta, the format before torch 1.6, and a bare state dict."""
    state = torch.nn.Linear(2, 3).state_dict()
    meta = {
        'mmdet_version': '2.0.0',
        'config': 'model = dict()',
        'CLASSES': ('person', 'cat'),
        'PALETTE': np.array([[1, 2, 3]], dtype=np.uint8),
        'hook_msgs': {'best_score': np.float32(0.5), 'best_ckpt': 'a.pth'},
    }
    old = {'meta': meta, 'state_dict': state}
    torch.save(old, tmp_path / 'old.pth', _use_new_zipfile_serialization=False)
    loaded = load_checkpoint_file(tmp_path / 'old.pth')
    assert loaded['meta']['CLASSES'] == ('person', 'cat')
    np.testing.assert_array_equal(loaded['meta']['PALETTE'], meta['PALETTE'])
    assert loaded['state_dict']._metadata == state._metadata
    torch.save(state, tmp_path / 'bare.pth')
    model = torch.nn.Linear(2, 3)
    load_checkpoint(model, str(tmp_path / 'bare.pth'), strict=True)
    assert torch.equal(model.weight, state['weight'])


@pytest.mark.parametrize('data', [b'', b'<html>not found</html>', b'\x80\x02}q\x00('])
def test_what_is_no_checkpoint(tmp_path, data):
    (tmp_path / 'page.pth').write_bytes(data)
    with pytest.raises(ValueError, match='is not a torch checkpoint, or is damaged'):
        load_checkpoint_file(tmp_path / 'page.pth')


@pytest.mark.parametrize('zipped', [True, False])
def test_truncated(tmp_path, zipped):
    path = tmp_path / 'cut.pth'
    torch.save({'x': torch.ones(99)}, path, _use_new_zipfile_serialization=zipped)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match='cut.pth is not a torch checkpoint, or'):
        load_checkpoint_file(path)


def test_missing_and_not_a_dictionary(tmp_path):
    with pytest.raises(FileNotFoundError, match='none.pth'):
        load_checkpoint_file(tmp_path / 'none.pth')
    torch.save([1], tmp_path / 'list.pth')
    with pytest.raises(ValueError, match='holds a list'):
        load_checkpoint_file(tmp_path / 'list.pth')


def test_download_is_restricted_too(tmp_path, monkeypatch):
    witness, served = tmp_path / 'ran', tmp_path / 'served.pth'
    torch.save(Call(os.system, f'touch {witness}'), served)
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path))
    fetched = []

    def download(url, path, progress=True):
        fetched.append(url)
        with open(path, 'wb') as file:
            file.write(served.read_bytes())

    monkeypatch.setattr(torch.hub, 'download_url_to_file', download)
    url = 'https://example.com/weights.pth?version=1'
    for _ in range(2):
        with pytest.raises(UnsafeCheckpointError, match='system'):
            load_checkpoint_file(url)
    assert fetched == [url] and not witness.exists()
    from mmengine.runner import checkpoint

    assert checkpoint.load_from_http is load_from_http


RUNNER = """
import sys
import dynkd
import numpy as np
import torch
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.runner import Runner


class Data(torch.utils.data.Dataset):
    metainfo = {'classes': ('a', 'b'), 'palette': np.zeros((2, 3))}

    def __len__(self):
        return 4

    def __getitem__(self, i):
        return torch.ones(2) * i, torch.ones(1)


class Model(BaseModel):
    def __init__(self):
        super().__init__()
        self.a, self.b = torch.nn.Linear(2, 1), torch.nn.Linear(2, 1)

    def forward(self, x, y, mode='tensor'):
        return {'loss': (self.a(x) + self.b(x) - y).square().mean()}

    def train_step(self, data, optim_wrapper):
        loss, log = self.parse_losses(self(*data))
        loss.backward()
        for wrapper in optim_wrapper.values():
            wrapper.step()
            wrapper.zero_grad()
        return log

    def val_step(self, data):
        return [0]


class Metric(BaseMetric):
    def process(self, batch, samples):
        self.results.append(1)

    def compute_metrics(self, results):
        return {'acc': np.float64(0.5)}


folder, epochs = sys.argv[1], int(sys.argv[2])
model = Model()
wrappers = OptimWrapperDict(
    a=OptimWrapper(torch.optim.SGD(model.a.parameters(), lr=0.01, momentum=0.9)),
    b=OptimWrapper(torch.optim.AdamW(model.b.parameters())))
loader = {'batch_size': 2, 'dataset': Data(),
          'collate_fn': {'type': 'default_collate'},
          'sampler': {'type': 'DefaultSampler', 'shuffle': False}}
runner = Runner(
    model, folder, train_dataloader=loader, val_dataloader=loader, val_cfg={},
    val_evaluator=Evaluator([Metric()]),
    train_cfg={'by_epoch': True, 'max_epochs': epochs, 'val_interval': 1},
    optim_wrapper=wrappers,
    param_scheduler={
        'a': [{'type': 'MultiStepLR', 'milestones': [1]}],
        'b': [{'type': 'ReduceOnPlateauLR', 'monitor': 'acc', 'rule': 'greater'}]},
    custom_hooks=[{'type': 'EMAHook'}],
    default_hooks={'checkpoint': {'type': 'CheckpointHook', 'save_best': 'acc'},
                   'logger': {'type': 'LoggerHook', 'interval': 1}},
    resume=epochs > 1, default_scope='mmengine', experiment_name='run')
runner.train()
print('HISTORY', len(runner.message_hub.get_scalar('train/loss').data[0]))
print('MOMENTUM', len(wrappers['a'].optimizer.state), runner.epoch, runner.iter)
"""


def test_a_runners_checkpoint_resumes(tmp_path):
    script = tmp_path / 'train.py'
    script.write_text(RUNNER)
    out = ''
    for epochs in ('1', '2'):
        done = subprocess.run(
            [sys.executable, str(script), str(tmp_path / 'run'), epochs],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        out = done.stdout
    assert 'HISTORY 4' in out and 'MOMENTUM 2 2 4' in out
    loaded = load_checkpoint_file(tmp_path / 'run' / 'epoch_2.pth')
    history = loaded['message_hub']['log_scalars']['train/loss']
    assert len(history.data[0]) == 4 and history.mean(2) == history.data[0][-2:].mean()
    assert history.statistics('min') == history.data[0].min()
    assert loaded['meta']['dataset_meta']['palette'].shape == (2, 3)
    assert loaded['message_hub']['runtime_info']['best_score'] == 0.5
    assert torch.is_tensor(loaded['ema_state_dict']['module.a.weight'])


@pytest.mark.parametrize('strategy', ['cos', 'linear'])
def test_the_state_of_a_one_cycle_schedule(tmp_path, strategy):
    """It names the function by which it anneals."""
    from mmengine.optim import OneCycleLR

    def schedule():
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.1)
        return OneCycleLR(optimizer, 0.1, total_steps=9, anneal_strategy=strategy)

    whole = schedule()
    whole.step()
    content = dict(
        state_dict={'a': torch.ones(1)}, param_schedulers=[whole.state_dict()]
    )
    torch.save(content, tmp_path / 'a.pth')
    resumed = schedule()
    loaded = load_checkpoint_file(tmp_path / 'a.pth')['param_schedulers'][0]
    resumed.load_state_dict(loaded)
    for _ in range(3):
        whole.step()
        resumed.step()
    assert resumed.get_last_value() == whole.get_last_value()


@pytest.mark.parametrize('part', ['optimizer', 'meta', 'message_hub'])
def test_a_part_that_was_taken_away(tmp_path, part):
    torch.save({'state_dict': {'a': torch.ones(1)}, part: None}, tmp_path / 'a.pth')
    assert part not in load_checkpoint_file(tmp_path / 'a.pth')
    torch.save({'state_dict': {'a': torch.ones(1)}, part: 3}, tmp_path / 'a.pth')
    with pytest.raises(CheckpointError, match=f'its `{part}` is a int'):
        load_checkpoint_file(tmp_path / 'a.pth')
