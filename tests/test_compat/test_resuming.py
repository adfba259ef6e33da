# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What a work directory is resumed from, and what a checkpoint may have removed."""

import os
from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import CheckpointHook as PlainHook
from mmengine.logging import MessageHub
from mmengine.runner import Runner
from mmengine.runner.runner import find_latest_checkpoint

from dynkd.compat import CheckpointError
from dynkd.compat.resuming import own_checkpoint
from dynkd.engine.hooks import CheckpointHook


@pytest.fixture
def said(monkeypatch):
    """What has been logged."""
    lines = []
    monkeypatch.setattr(
        'mmengine.logging.print_log', lambda text, **kwargs: lines.append(text)
    )
    return lambda: '\n'.join(lines)


def save(folder, name, seconds=0):
    path = folder / name
    torch.save(dict(state_dict=dict(w=torch.ones(100))), path)
    os.utime(path, (1000 + seconds, 1000 + seconds))
    return path


def halve(path):
    status = path.stat()
    path.write_bytes(path.read_bytes()[: status.st_size // 2])
    os.utime(path, (status.st_atime, status.st_mtime))


def point(folder, text):
    (folder / 'last_checkpoint').write_text(str(text))


def test_the_named_checkpoint_is_taken_if_it_is_whole(tmp_path, said):
    assert find_latest_checkpoint(str(tmp_path)) is None
    for epoch in (1, 2, 3):
        save(tmp_path, f'epoch_{epoch}.pth', epoch)
    point(tmp_path, tmp_path / 'epoch_2.pth')
    assert find_latest_checkpoint(str(tmp_path)) == str(tmp_path / 'epoch_2.pth')
    assert 'Skipped' not in said()


@pytest.mark.parametrize('text', ['', None, 'nonsense', '/gone/epoch_2.pth'])
def test_a_pointer_that_points_nowhere(tmp_path, text):
    for epoch in (9, 10):
        save(tmp_path, f'epoch_{epoch}.pth', epoch)
    save(tmp_path, 'best_acc_epoch_11.pth', 11)
    if text is not None:
        point(tmp_path, text)
    assert find_latest_checkpoint(str(tmp_path)) == str(tmp_path / 'epoch_10.pth')


def test_a_folder_that_was_moved(tmp_path):
    for epoch in (1, 2):
        save(tmp_path, f'epoch_{epoch}.pth', -epoch)
    point(tmp_path, '/gone/epoch_2.pth')
    assert find_latest_checkpoint(str(tmp_path)) == str(tmp_path / 'epoch_2.pth')


def test_damaged_checkpoints_are_skipped_and_named(tmp_path, said):
    paths = [save(tmp_path, f'epoch_{n}.pth', n) for n in (1, 2, 3)]
    point(tmp_path, paths[2])
    halve(paths[2])
    flipped = bytearray(paths[1].read_bytes())
    flipped[flipped.index(torch.ones(100).numpy().tobytes()) + 7] ^= 1
    paths[1].write_bytes(flipped)
    assert find_latest_checkpoint(str(tmp_path)) == str(paths[0])
    for path in paths[1:]:
        assert f'Skipped the checkpoint {path}' in said()
    halve(paths[0])
    with pytest.raises(CheckpointError, match='no checkpoint in .* whole: .*epoch_3'):
        find_latest_checkpoint(str(tmp_path))


@pytest.mark.parametrize('tmpl', ['epoch_{}.pth', 'it{:06d}.pth'])
@pytest.mark.parametrize('key', ['', 'best_student_acc_'])
def test_paths_of_the_run_itself(tmp_path, tmpl, key):
    hook = SimpleNamespace(out_dir=None, filename_tmpl=tmpl)
    own = tmp_path / f'{key}{tmpl.format(3)}'
    own.touch()
    for folder in (tmp_path, '/gone'):
        found = own_checkpoint(hook, str(tmp_path), f'{folder}/{own.name}')
        assert found == str(own)


def test_a_hook_with_a_folder_of_its_own(tmp_path):
    out = tmp_path / 'out'
    own = out / 'run' / 'best_acc_epoch_3.pth'
    own.parent.mkdir(parents=True)
    own.touch()
    hook = SimpleNamespace(out_dir=str(out), filename_tmpl='epoch_{}.pth')
    assert own_checkpoint(hook, str(tmp_path / 'run'), str(own)) == str(own)


@pytest.mark.parametrize(
    'path',
    [
        'victim.pth',
        '../victim.pth',
        'best_x_epoch_3.pth/../victim.pth',
        'student.pth',
        'best_epoch_x.pth',
        'best_acc_epoch_7.pth',
        5,
        None,
        ['epoch_1.pth'],
    ],
)
def test_other_paths(tmp_path, path):
    for name in ('victim.pth', 'student.pth', 'best_epoch_x.pth'):
        (tmp_path / name).touch()
    (tmp_path.parent / 'victim.pth').touch()
    hook = SimpleNamespace(out_dir=None, filename_tmpl='epoch_{}.pth')
    full = f'{tmp_path}/{path}' if isinstance(path, str) else path
    assert own_checkpoint(hook, str(tmp_path), full) is None


@pytest.mark.parametrize('hook', [PlainHook, CheckpointHook])
@pytest.mark.parametrize('keys', [['acc'], ['acc', 'loss']])
def test_what_a_checkpoint_names_is_not_removed(tmp_path, hook, keys):
    work_dir, other = tmp_path / 'run', tmp_path / 'other'
    for folder in (work_dir, other):
        folder.mkdir()
    victims = [other / 'best_acc_epoch_1.pth', tmp_path / 'victim.pth']
    own = work_dir / 'best_acc_epoch_1.pth'
    (work_dir / 'epoch_').mkdir()
    for path in (*victims, own):
        path.touch()
    hub = MessageHub.get_current_instance()
    saver = hook(save_best=keys, rule='greater', max_keep_ckpts=1)
    saved = []

    def save_checkpoint(out_dir, filename, *args, **kwargs):
        saved.append(filename)

    runner = SimpleNamespace(
        model=torch.nn.Linear(1, 1),
        work_dir=str(work_dir),
        message_hub=hub,
        logger=SimpleNamespace(info=print, warning=print),
        save_checkpoint=save_checkpoint,
        epoch=2,
        iter=4,
    )
    infos = ['best_ckpt'] if len(keys) == 1 else [f'best_ckpt_{key}' for key in keys]
    for info, victim in zip(infos, victims):
        hub.update_info(info, str(victim))
    hub.update_info('keep_ckpt_ids', ['/../../victim', '/../../other', -1, True])
    saver.before_train(runner)
    saver.after_val_epoch(runner, dict(acc=1.0, loss=2.0))
    saver._save_checkpoint(runner)
    assert all(path.exists() for path in victims) and other.is_dir()
    assert 'best_acc_epoch_2.pth' in saved
    # The run's own is: also where the folder is called otherwise now.
    hub.update_info(infos[0], str(other / own.name) if keys[1:] else str(own))
    saver = hook(save_best=keys, rule='greater')
    saver.before_train(runner)
    saver.after_val_epoch(runner, dict(acc=3.0, loss=2.0))
    assert victims[0].exists() and not own.exists()


def test_what_cannot_be_resumed_is_said(tmp_path, training):
    training(tmp_path, 1).train()
    whole = torch.load(tmp_path / 'epoch_1.pth', weights_only=False)
    path = tmp_path / 'other.pth'

    def resume(**change):
        torch.save({k: v for k, v in {**whole, **change}.items() if v != 'no'}, path)
        runner = training(tmp_path, 2, resume=True, load_from=str(path))
        runner.train()
        return runner

    with pytest.raises(CheckpointError, match='other.pth .*no optimizer.*in epoch 2'):
        resume(optimizer='no', param_schedulers='no')
    for change in (
        dict(meta='no'),
        dict(message_hub='no'),
        dict(message_hub={}),
        dict(meta=dict(epoch=-1, iter=2)),
        dict(meta=dict(epoch='1', iter=2)),
    ):
        with pytest.raises(CheckpointError, match='other.pth holds no state of'):
            resume(**change)
    assert resume().epoch == 2


@pytest.fixture
def training():
    """Make a run of a tiny model, of so many epochs."""
    from mmengine.model import BaseModel

    class Model(BaseModel):
        def __init__(self):
            super().__init__()
            self.a = torch.nn.Linear(3, 2)

        def forward(self, x, mode='tensor'):
            return dict(loss=self.a(x).sum())

    def make(work_dir, epochs, **options):
        return Runner(
            Model(),
            str(work_dir),
            train_dataloader=dict(
                batch_size=2,
                dataset=[(torch.ones(3),)] * 2,
                collate_fn=dict(type='default_collate'),
                sampler=dict(type='DefaultSampler', shuffle=False),
            ),
            train_cfg=dict(by_epoch=True, max_epochs=epochs),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.01)),
            param_scheduler=dict(type='MultiStepLR', milestones=[1]),
            default_scope='mmengine',
            experiment_name=os.urandom(4).hex(),
            **options,
        )

    return make
