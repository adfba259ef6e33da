# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Resuming from undamaged checkpoints, and only with the run's own files.

Needed by: MMEngine up to 0.10.7, the last release.

Why: MMEngine resumes from the file that ``last_checkpoint`` names, also if that text is
cut or the file is; it resumes a checkpoint without an optimizer, so that the learning
rate starts again while the epochs continue; and ``CheckpointHook`` removes any file
that the checkpoint calls its best one.

Cure: the newest undamaged checkpoint is found; an error says what a checkpoint lacks;
    and of the paths in a checkpoint, only those in the run's own work directory, with
    names that the hook uses, are accepted.
"""

import functools
import logging
import os
import re
from pathlib import Path
from typing import Any, Callable, Optional

from .checkpoints import CheckpointError, check_whole, checking
from .finite import check_finite
from .import_hooks import WATCHER

_NUMBERED = re.compile(r'\d+')
#: What MMEngine calls its checkpoints.
_PATTERNS = ('epoch_0.pth', 'iter_0.pth')
_HUB = ('log_scalars', 'runtime_info', 'resumed_keys')


def apply() -> None:
    """Repairs MMEngine's resuming once it is imported."""
    WATCHER.after('mmengine.runner.checkpoint', _replace_finder)
    WATCHER.after('mmengine.runner.runner', _guard_resume)
    WATCHER.after('mmengine.hooks.checkpoint_hook', _guard_removal)


def _replace_finder() -> None:
    from mmengine.runner import checkpoint

    checkpoint.find_latest_checkpoint = find_latest_checkpoint


def _guard_resume() -> None:
    from mmengine.runner import runner

    # Imported by name, perhaps before the finder was replaced.
    runner.find_latest_checkpoint = find_latest_checkpoint
    runner.Runner.resume = _checked_resume(runner.Runner.resume)
    runner.Runner.load_checkpoint = _checked_load(runner.Runner.load_checkpoint)


def _guard_removal() -> None:
    from mmengine.hooks.checkpoint_hook import CheckpointHook

    CheckpointHook.before_train = _with_own_paths(CheckpointHook.before_train)


def find_latest_checkpoint(path: str) -> Optional[str]:
    """Find the checkpoint to resume from. All processes find the same.

    Args:
        path (str): The work directory.

    Returns:
        str, optional: The checkpoint that ``last_checkpoint`` names if it is whole,
        else the one written last that is. None if there is none at all.

    Raises:
        CheckpointError: If there are checkpoints, and all are damaged.
    """
    from mmengine.dist import broadcast_object_list, is_main_process
    from mmengine.logging import print_log

    found: list[Any] = [None, '']
    if is_main_process():
        try:
            found[0] = _newest_whole(Path(path))
        except CheckpointError as error:
            found[1] = str(error)
    broadcast_object_list(found)
    if found[1]:
        raise CheckpointError(found[1])
    if found[0] is None:
        print_log(f'There is no checkpoint in {path}.', logger='current')
    return found[0]


def _newest_whole(folder: Path) -> Optional[str]:
    """The checkpoint to resume from, on the first process."""
    from mmengine.logging import print_log

    damaged = []
    for file in _candidates(folder):
        if file.is_dir():  # As DeepSpeed writes them.
            return str(file)
        try:
            check_whole(file)
        except (CheckpointError, OSError) as error:
            damaged.append(str(file))
            print_log(
                f'Skipped the checkpoint {file}, from which nothing can be resumed: '
                f'{error}',
                logger='current',
                level=logging.WARNING,
            )
            continue
        return str(file)
    if damaged:
        raise CheckpointError(
            f'no checkpoint in {folder} is whole: {", ".join(damaged)}; remove them '
            'to start again, or resume from a copy.'
        )
    return None


def _candidates(folder: Path) -> list[Path]:
    """Checkpoints of a work directory: the one that is named, then the newest first."""
    pointer = folder / 'last_checkpoint'
    text = pointer.read_text(errors='replace').strip() if pointer.is_file() else ''
    named = [Path(text)] if text else []
    # A work directory may have been moved.
    found = [*named, *(folder / own.name for own in named)]
    found = [file for file in found if file.exists()] or named
    folders = {folder, *(file.parent for file in found)}
    patterns = {_pattern(name) for name in (*_PATTERNS, *(own.name for own in named))}
    others = [
        file
        for place in folders
        if place.is_dir()
        for file in place.iterdir()
        if any(pattern.fullmatch(file.name) for pattern in patterns)
    ]
    others.sort(key=lambda file: (file.stat().st_mtime, _numbers(file)), reverse=True)
    unique: dict[Path, Path] = {}
    for file in (*found, *others):
        unique.setdefault(file.absolute(), file)
    return list(unique.values())


def _pattern(name: str) -> re.Pattern:
    """A pattern of file names that differ from a name only in their numbers."""
    return re.compile(_NUMBERED.sub(r'\\d+', re.escape(name)))


def _numbers(file: Path) -> list[int]:
    """The numbers in a file's name."""
    return [int(number) for number in _NUMBERED.findall(file.name)]


def _checked_resume(resume: Callable) -> Callable:
    """`Runner.resume`, with errors that say what a checkpoint lacks."""

    @functools.wraps(resume)
    def wrapped(
        self: Any,
        filename: str,
        resume_optimizer: bool = True,
        resume_param_scheduler: bool = True,
        map_location: Any = 'default',
    ) -> None:
        def check(checkpoint: dict, name: str) -> None:
            schedules = resume_param_scheduler and self.param_schedulers
            _check_resumable(checkpoint, name, resume_optimizer, bool(schedules))

        with checking(check):
            resume(
                self, filename, resume_optimizer, resume_param_scheduler, map_location
            )

    return wrapped


def _checked_load(load: Callable) -> Callable:
    """`Runner.load_checkpoint`, which takes no weights that are not finite."""

    def check(checkpoint: dict, name: str) -> None:
        check_finite(checkpoint.get('state_dict', checkpoint), name)

    @functools.wraps(load)
    def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
        with checking(check):
            return load(self, *args, **kwargs)

    return wrapped


def _check_resumable(
    checkpoint: dict, name: str, optimizer: bool, schedules: bool
) -> None:
    """Check that a training can be resumed from a checkpoint."""
    from mmengine.logging import print_log

    meta = checkpoint.get('meta', {})
    counts = [meta.get(key) for key in ('epoch', 'iter')]
    hub = checkpoint.get('message_hub', {})
    whole = all(isinstance(hub.get(part), dict) for part in _HUB)
    if not whole or any(type(count) is not int or count < 0 for count in counts):
        raise CheckpointError(
            f'{name} holds no state of a training that could be resumed: it lacks '
            'epoch, iteration or message hub; to start from its weights, set '
            '`load_from` without `resume`.'
        )
    if optimizer and 'optimizer' not in checkpoint:
        raise CheckpointError(
            f'{name} cannot be resumed: it holds no optimizer, as the best checkpoints '
            'do not, and learning rates would start again in epoch '
            f'{counts[0] + 1}; resume from a checkpoint of an epoch, or start anew '
            'from its weights, with `load_from` and without `resume`.'
        )
    if schedules and 'param_schedulers' not in checkpoint:
        print_log(
            f'{name} holds no state of the learning-rate schedules: they start again, '
            f'though the training continues in epoch {counts[0] + 1}.',
            logger='current',
            level=logging.WARNING,
        )


def _with_own_paths(before_train: Callable) -> Callable:
    """`CheckpointHook.before_train`, without trusting the paths in a checkpoint."""

    @functools.wraps(before_train)
    def wrapped(self: Any, runner: Any) -> None:
        infos = runner.message_hub.runtime_info
        for key in list(infos):
            if key.startswith(('best_ckpt', 'last_ckpt')):
                own = own_checkpoint(self, runner.work_dir, infos[key])
                runner.message_hub.update_info(key, own)
        if 'keep_ckpt_ids' in infos:
            steps = infos['keep_ckpt_ids']
            steps = list(steps) if isinstance(steps, (list, tuple)) else []
            kept = [step for step in steps if type(step) is int and step >= 0]
            runner.message_hub.update_info('keep_ckpt_ids', kept)
        before_train(self, runner)

    return wrapped


def own_checkpoint(hook: Any, work_dir: str, path: Any) -> Optional[str]:
    """The file of this run that a checkpoint's path means.

    Args:
        hook (CheckpointHook): The hook that would have written it.
        work_dir (str): The run's work directory.
        path (Any): What the checkpoint says. The folder may have been moved since.

    Returns:
        str, optional: A file of the run's own folder, with a name that the hook uses.
        None if there is no such file, so that nothing is removed.
    """
    if not isinstance(path, str):
        return None
    name = os.path.basename(path)
    number = re.sub(r'\\\{.*?\\\}', r'\\d+', re.escape(hook.filename_tmpl))
    if re.fullmatch(rf'(?:best_.+_)?{number}', name) is None:
        return None
    folder = work_dir
    if hook.out_dir is not None and str(hook.out_dir) != str(work_dir):
        # As the hook does when it begins.
        run = os.path.basename(str(work_dir).rstrip(os.sep))
        folder = f'{str(hook.out_dir).rstrip("/")}/{run}'
    own = f'{str(folder).rstrip("/")}/{name}'
    return own if '://' in own or os.path.exists(own) else None
