# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Whatever interrupts the writing, there is a checkpoint to resume from."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner

import dynkd
from dynkd.compat import load_checkpoint_file
from dynkd.engine.hooks import CheckpointHook, checkpoint_hook
from dynkd.utils.atomic import replacing


class Model(BaseModel):
    def __init__(self):
        super().__init__()
        self.a = torch.nn.Linear(3, 2)

    def forward(self, x, mode='tensor'):
        return dict(loss=self.a(x).sum()) if mode == 'loss' else [0]


@pytest.fixture
def runner(tmp_path):
    def make(epochs=3, resume=False, hooks=(), **saver):
        saver = {'type': 'dynkd.CheckpointHook', 'interval': 1, **saver}
        return Runner(
            Model(),
            str(tmp_path),
            train_dataloader=dict(
                batch_size=2,
                dataset=[(torch.ones(3),)] * 2,
                collate_fn=dict(type='default_collate'),
                sampler=dict(type='DefaultSampler', shuffle=False),
            ),
            train_cfg=dict(by_epoch=True, max_epochs=epochs),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.01)),
            default_hooks=dict(checkpoint=saver),
            custom_hooks=list(hooks),
            default_scope='mmengine',
            resume=resume,
            experiment_name=os.urandom(4).hex(),
        )

    return make


class Killed(BaseException):
    """Stands in for a signal."""


class Kill(Hook):
    """Ends a run when so many epochs are finished."""

    def __init__(self, epochs):
        self.epochs = epochs

    def before_train_epoch(self, runner):
        if runner.epoch == self.epochs:
            raise Killed


@pytest.fixture
def killed_at_removal(monkeypatch):
    """Let runs be killed when they are about to remove a file of a name."""
    real = CheckpointHook._remove

    def arm(name):
        def remove(hook, run, path):
            if Path(path).name == name:
                raise Killed
            real(hook, run, path)

        monkeypatch.setattr(CheckpointHook, '_remove', remove)
        return lambda: monkeypatch.setattr(CheckpointHook, '_remove', real)

    return arm


def names(folder):
    return sorted(path.name for path in folder.glob('*.pth*'))


def validated(run, metrics):
    (saver,) = (hook for hook in run.hooks if isinstance(hook, CheckpointHook))
    saver.after_val_epoch(run, metrics)


@pytest.fixture
def full_disk(monkeypatch):
    """Let a file of a name not be written."""

    def fill(name):
        sync = os.fsync

        def fsync(handle):
            if Path(os.readlink(f'/proc/self/fd/{handle}')).name.startswith(name):
                raise OSError(errno.ENOSPC, 'No space left on device')
            sync(handle)

        monkeypatch.setattr(os, 'fsync', fsync)

    return fill


def test_as_mmengines_hook(tmp_path, runner):
    runner(max_keep_ckpts=2).train()
    assert names(tmp_path) == ['epoch_2.pth', 'epoch_3.pth']
    assert (tmp_path / 'last_checkpoint').read_text() == str(tmp_path / 'epoch_3.pth')
    again = runner(epochs=4, resume=True, max_keep_ckpts=2)
    again.train()
    assert again.epoch == 4 and names(tmp_path) == ['epoch_3.pth', 'epoch_4.pth']


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path, runner, full_disk):
    runner(epochs=1, max_keep_ckpts=1).train()
    full_disk('epoch_2.pth')
    with pytest.raises(OSError, match=r'No space left.*epoch_2\.pth') as error:
        runner(resume=True, max_keep_ckpts=1).train()
    assert error.value.errno == errno.ENOSPC
    # Not even the oldest is gone, which the new one would have replaced.
    assert names(tmp_path) == ['epoch_1.pth']
    assert (tmp_path / 'last_checkpoint').read_text() == str(tmp_path / 'epoch_1.pth')


def test_a_full_disk_leaves_the_best_before(tmp_path, runner, full_disk):
    run = runner(epochs=1, save_best='acc', rule='greater')
    run.train()
    validated(run, dict(acc=1.0))
    assert names(tmp_path) == ['best_acc_epoch_1.pth', 'epoch_1.pth']
    run.train_loop._epoch = 2
    full_disk('best_acc_epoch_2')
    with pytest.raises(OSError, match='best_acc_epoch_2'):
        validated(run, dict(acc=2.0))
    assert names(tmp_path) == ['best_acc_epoch_1.pth', 'epoch_1.pth']


def test_the_best_before_is_removed_unless_it_has_the_same_name(tmp_path, runner):
    run = runner(epochs=1, save_best='acc', rule='greater')
    run.train()
    for acc in (1.0, 2.0):
        validated(run, dict(acc=acc))
        assert 'best_acc_epoch_1.pth' in names(tmp_path)
    run.train_loop._epoch = 2
    validated(run, dict(acc=3.0))
    assert [n for n in names(tmp_path) if 'best' in n] == ['best_acc_epoch_2.pth']
    # The checkpoint of the epoch knows of it.
    infos = load_checkpoint_file(tmp_path / 'epoch_2.pth')['message_hub']
    assert infos['runtime_info']['best_ckpt'].endswith('best_acc_epoch_2.pth')


def test_what_a_killed_run_was_writing_is_removed(tmp_path, runner):
    written = ('epoch_7.pth.partial', 'last_checkpoint.partial')
    for name in (*written, 'notes.partial'):
        (tmp_path / name).touch()
    runner(epochs=1).train()
    assert not any((tmp_path / name).exists() for name in written)
    assert (tmp_path / 'notes.partial').exists()


def test_killed_before_the_oldest_was_removed(tmp_path, runner, killed_at_removal):
    disarm = killed_at_removal('epoch_1.pth')
    with pytest.raises(Killed):
        runner(max_keep_ckpts=1).train()
    assert names(tmp_path) == ['epoch_1.pth', 'epoch_2.pth']
    disarm()
    runner(resume=True, max_keep_ckpts=1).train()
    assert names(tmp_path) == ['epoch_3.pth']


def test_killed_before_the_best_before_was_removed(tmp_path, runner, killed_at_removal):
    best = dict(save_best='acc', rule='greater')
    run = runner(epochs=1, **best)
    run.train()
    validated(run, dict(acc=1.0))
    run = runner(epochs=2, resume=True, **best)
    run.train()
    disarm = killed_at_removal('best_acc_epoch_1.pth')
    with pytest.raises(Killed):
        validated(run, dict(acc=2.0))
    both = ['best_acc_epoch_1.pth', 'best_acc_epoch_2.pth']
    assert [name for name in names(tmp_path) if 'best' in name] == both
    disarm()
    runner(resume=True, **best).train()
    assert [name for name in names(tmp_path) if 'best' in name] == both[1:]


def test_a_best_that_a_resumed_run_finds_first_is_known_to_the_next(tmp_path, runner):
    best = dict(save_best='acc', rule='greater')
    runner(epochs=1, **best).train()
    run = runner(epochs=1, resume=True, **best)
    run.train()
    # The validation that the killed run has missed; nothing was saved since.
    validated(run, dict(acc=1.0))
    hub = load_checkpoint_file(tmp_path / 'epoch_1.pth')['message_hub']
    assert hub['runtime_info']['best_score'] == 1.0
    assert hub['runtime_info']['best_ckpt'].endswith('best_acc_epoch_1.pth')


def test_other_processes_remove_nothing_and_remember_nothing(
    tmp_path, runner, monkeypatch
):
    run = runner(max_keep_ckpts=1)
    monkeypatch.setattr(checkpoint_hook, 'is_main_process', lambda: False)
    run.train()
    assert run.message_hub.get_info('doomed_ckpts') == []
    assert names(tmp_path) == [f'epoch_{i}.pth' for i in (1, 2, 3)]


@pytest.mark.parametrize(
    ('most', 'left'), [(-1, ['epoch_3', 'epoch_6', 'epoch_7']), (1, ['epoch_7'])]
)
def test_the_last_finished_epoch_is_saved_too(tmp_path, runner, most, left):
    options = dict(
        interval=3, every_epoch=True, max_keep_ckpts=most, save_best='acc', rule='less'
    )
    run = runner(epochs=7, hooks=[Kill(5)], **options)
    with pytest.raises(Killed):
        run.train()
    assert names(tmp_path) == ['epoch_3.pth', 'epoch_5.pth']
    # It is written again, and is still one that does not stay.
    validated(run, dict(acc=1.0))
    again = runner(epochs=7, resume=True, **options)
    again.train()
    found = [name for name in names(tmp_path) if 'best' not in name]
    assert found == [f'{name}.pth' for name in left]


def test_the_last_finished_epoch_of_iterations(runner):
    with pytest.raises(ValueError, match='`every_epoch` needs checkpoints'):
        runner(by_epoch=False, every_epoch=True)


def test_other_backends_are_left_alone():
    hook = CheckpointHook(backend_args=dict(backend='local'))
    assert hook.backend_args == dict(backend='local')


def test_killed_while_a_file_is_replaced(tmp_path):
    path = tmp_path / 'file'
    path.write_text('old')
    code = (
        'import os, signal, sys\n'
        'from dynkd.utils.atomic import replacing\n'
        'with replacing(sys.argv[1]) as file:\n'
        '    file.write(b"ne")\n'
        '    file.flush()\n'
        '    os.kill(os.getpid(), signal.SIGKILL)\n'
    )
    env = dict(os.environ, PYTHONPATH=str(Path(dynkd.__file__).parents[1]))
    done = subprocess.run([sys.executable, '-c', code, str(path)], env=env)
    assert done.returncode == -signal.SIGKILL
    assert path.read_text() == 'old'
    with replacing(path) as file:
        file.write(b'new')
    assert path.read_text() == 'new' and os.listdir(tmp_path) == ['file']


@pytest.mark.parametrize('error', [ValueError('no'), KeyboardInterrupt()])
def test_what_fails_meanwhile_leaves_the_old_file(tmp_path, error):
    path = tmp_path / 'file'
    path.write_text('old')
    with pytest.raises(type(error)), replacing(path) as file:
        file.write(b'new')
        raise error
    assert path.read_text() == 'old' and os.listdir(tmp_path) == ['file']


def test_errors_of_torch_name_the_file_too(tmp_path, full_disk):
    (tmp_path / 'folder').write_text('a file')
    with pytest.raises(OSError, match='folder/x.pth'):
        with replacing(tmp_path / 'folder' / 'x.pth') as file:
            torch.save({}, file)
    with pytest.raises(OSError, match=r'File too large: .*x.pth') as caught:
        with replacing(tmp_path / 'x.pth'):
            try:
                raise OSError(errno.EFBIG, 'File too large')
            except OSError:
                raise RuntimeError('unexpected pos 704 vs 598') from None
    assert caught.value.errno == errno.EFBIG and names(tmp_path) == []
