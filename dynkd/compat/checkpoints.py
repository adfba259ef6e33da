# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Loading checkpoints without running code that is in them.

Needed by: OpenMMLab's MMEngine up to 0.10.7, its last release, and OneDL's up to
0.10.12, the newest seen, with every torch.

Why: a checkpoint is a pickle, and a pickle may call any function. MMEngine loads with
``torch.load`` and its defaults. Since torch 2.6 these refuse all but tensors and plain
values, so that no checkpoint which a Runner wrote can be loaded, and resuming and
teacher checkpoints fail. Before, and for downloads even now, they run whatever the file
asks for. OneDL's MMEngine tries the restricted unpickler, and loads without restriction
what that refuses: a file that names something dangerous is run.

Cure: a reader of our own for MMEngine's ``CheckpointLoader``, which builds tensors,
plain values and exactly what MMEngine's own checkpoints need beside them (see
:mod:`dynkd.compat.safe_globals`), whatever torch is installed. It serves
``Runner.resume``, ``load_checkpoint``, ``init_cfg``, ``init_detector`` and everything
else that loads through MMEngine.

MMEngine also runs strings of a checkpoint: ``meta['config']`` on resuming, and
``message_hub['runtime_info']['cfg']``, or else ``meta['cfg']``, where an inferencer
receives weights alone. A config is a program, even without a call in it: it names what
is built. These strings are left out of what is loaded.
"""

import os
import pickle
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO, Callable, Optional, Union
from urllib.parse import urlparse

from .import_hooks import WATCHER

_MODULE = 'mmengine.runner.checkpoint'
#: Parts of a checkpoint that are dictionaries, where it has a `state_dict`.
_DICTS = ('state_dict', 'meta', 'message_hub', 'optimizer', 'stores')
#: Errors whose text says something about the file.
_TELLING = (pickle.UnpicklingError, EOFError, zipfile.BadZipFile)
#: What :func:`checking` has added.
_checks: list[Callable[[dict, str], None]] = []


class CheckpointError(ValueError):
    """A file cannot be used as a checkpoint."""


class UnsafeCheckpointError(CheckpointError, pickle.UnpicklingError):
    """A checkpoint names something that could run code when it is loaded."""


def apply() -> None:
    """Makes MMEngine load checkpoints safely once it is imported."""
    WATCHER.after(_MODULE, _register_loaders)


def load_checkpoint_file(
    filename: Union[str, Path], map_location: Any = 'cpu'
) -> dict[str, Any]:
    """Loads a checkpoint without running code from it.

    Args:
        filename (str | Path): A file, or whatever else MMEngine loads from: an
            ``http(s)://``, ``torchvision://`` or ``openmmlab://`` address.
        map_location (str | torch.device | Callable | dict): Where tensors go, as for
            :func:`torch.load`. Defaults to ``'cpu'``.

    Returns:
        dict[str, Any]: The checkpoint.

    Raises:
        FileNotFoundError: If there is no such file.
        CheckpointError: If the file is not a checkpoint, is damaged, or is empty.
        UnsafeCheckpointError: If the file asks for anything but tensors, plain values
            and what MMEngine's Runner writes. None of its code has run.
    """
    from mmengine.runner.checkpoint import CheckpointLoader

    return CheckpointLoader.load_checkpoint(str(filename), map_location)


def safe_torch_load(file: BinaryIO, map_location: Any, name: str) -> dict[str, Any]:
    """Loads what ``torch.save`` has written, without running code from it.

    Args:
        file (BinaryIO): The file, which can be read anywhere.
        map_location (str | torch.device | Callable | dict | None): As for
            :func:`torch.load`.
        name (str): What error messages call the file.

    Returns:
        dict[str, Any]: The content of the file, without strings that MMEngine would
            run.

    Raises:
        UnsafeCheckpointError: If the file names what is not permitted.
        CheckpointError: If the file cannot be read as a checkpoint.
    """
    from .torch_files import Reader

    checkpoint = _explained(Reader(file, _placing(map_location)).read, name)
    _check_content(checkpoint, name)
    _drop_configs(checkpoint)
    for check in _checks:
        check(checkpoint, name)
    return checkpoint


def check_whole(path: Path) -> None:
    """Check that a file is a checkpoint, from its beginning to its end.

    Args:
        path (Path): The file.

    Raises:
        CheckpointError: If it is not one, or a part of it is damaged or missing.
        OSError: If it cannot be read.
    """
    from .torch_files import Reader

    with path.open('rb') as file:
        _explained(lambda: Reader(file, lambda storage, _: storage).check(), str(path))


def _explained(read: Callable[[], Any], name: str) -> Any:
    """Read, and say of which file an error is."""
    from .restricted_pickle import UnpermittedError
    from .torch_files import PlacementError

    try:
        return read()
    except PlacementError as error:
        cause = error.__cause__
        raise (error if cause is None else cause) from None
    except UnpermittedError as error:
        raise UnsafeCheckpointError(
            f'{name} is refused, and none of its code has run: it asks for '
            f'`{error.name}`, which is neither a tensor, nor a plain value, nor '
            'anything that MMEngine writes; if the file is yours, save only its '
            'tensors '
            "(torch.save(dict(state_dict=model.state_dict()), 'weights.pth')), or "
            'permit a class of yours (torch.serialization.add_safe_globals).'
        ) from None
    except MemoryError:
        raise
    except Exception as error:
        # What a file holds can raise anything.
        text = str(error) if type(error) in _TELLING else ''
        detail = text or 'it cannot be read to its end'
        raise CheckpointError(
            f'{name} is not a torch checkpoint, or is damaged: {detail.rstrip(".")}.'
        ) from None


@contextmanager
def checking(check: Callable[[dict, str], None]) -> Iterator[None]:
    """Applies another check to everything that is loaded inside the ``with`` block.

    Args:
        check (Callable): Receives the checkpoint and its name, and may change it.
    """
    _checks.append(check)
    try:
        yield
    finally:
        _checks.remove(check)


def _check_content(checkpoint: Any, name: str) -> None:
    """Reject content that would load nothing, or fail much later."""
    if not isinstance(checkpoint, dict):
        raise CheckpointError(
            f'{name} holds a {type(checkpoint).__name__}, not the dictionary that a '
            'checkpoint is: save a model as dict(state_dict=model.state_dict()).'
        )
    if not checkpoint:
        raise CheckpointError(f'{name} holds nothing: it is an empty dictionary.')
    if 'state_dict' not in checkpoint:
        return
    for part in _DICTS:
        if part != 'state_dict' and checkpoint.get(part, {}) is None:
            del checkpoint[part]  # as scripts leave it that take parts away
        if not isinstance(checkpoint.get(part, {}), dict):
            kind = type(checkpoint[part]).__name__
            raise CheckpointError(
                f'{name} is not a checkpoint: its `{part}` is a {kind}, not a '
                'dictionary.'
            )
    if not checkpoint['state_dict']:
        raise CheckpointError(f'{name} holds no weights: its `state_dict` is empty.')


def _drop_configs(checkpoint: dict[str, Any]) -> None:
    """Drop the strings that MMEngine would run as configs."""
    meta = checkpoint.get('meta')
    if isinstance(meta, dict):
        for name in ('config', 'cfg'):
            meta.pop(name, None)
    hub = checkpoint.get('message_hub')
    infos = hub.get('runtime_info') if isinstance(hub, dict) else None
    if isinstance(infos, dict):
        infos.pop('cfg', None)


def _placing(map_location: Any) -> Callable[[Any, str], Any]:
    """The function that moves a storage to its device, as in :func:`torch.load`."""
    from torch.serialization import default_restore_location as move

    if map_location is None:
        return move
    if isinstance(map_location, dict):
        return lambda storage, where: move(storage, map_location.get(where, where))
    if not callable(map_location):
        return lambda storage, _: move(storage, str(map_location))

    def place(storage: Any, where: str) -> Any:
        placed = map_location(storage, where)
        return move(storage, where) if placed is None else placed

    return place


def _register_loaders() -> None:
    from mmengine.runner import checkpoint

    register = checkpoint.CheckpointLoader.register_scheme
    register(prefixes='', loader=load_from_local, force=True)
    register(prefixes=('http://', 'https://'), loader=load_from_http, force=True)
    # The loaders of openmmlab://, torchvision:// and mmcls:// call it by this name.
    checkpoint.load_from_http = load_from_http
    # Those of pavi://, s3:// and of local files of openmmlab:// call torch.
    checkpoint.torch = _SafeTorch(checkpoint.torch)


class _SafeTorch:
    """torch, with a ``load`` that runs nothing.

    Args:
        torch (ModuleType): torch.
    """

    def __init__(self, torch: ModuleType) -> None:
        self._torch = torch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._torch, name)

    def load(self, file: Any, map_location: Any = None) -> dict[str, Any]:
        """As :func:`torch.load` is called there."""
        if isinstance(file, (str, Path)):
            return load_from_local(str(file), map_location)
        return safe_torch_load(file, map_location, 'the checkpoint')


def load_from_local(filename: str, map_location: Any = None) -> dict[str, Any]:
    """Replaces MMEngine's loader of files.

    Args:
        filename (str): The file; ``~`` stands for the home folder.
        map_location (str | torch.device | Callable | dict, optional): As for
            :func:`torch.load`. Defaults to None.

    Returns:
        dict[str, Any]: What the file holds.

    Raises:
        FileNotFoundError: If there is no such file.
        UnsafeCheckpointError: If the file names what is not permitted.
        CheckpointError: If the file cannot be read as a checkpoint.
    """
    filename = os.path.expanduser(filename)
    if not os.path.isfile(filename):
        raise FileNotFoundError(f'{filename} can not be found.')
    with open(filename, 'rb') as file:
        return safe_torch_load(file, map_location, filename)


def load_from_http(
    filename: str,
    map_location: Any = None,
    model_dir: Optional[str] = None,
    progress: bool = True,
) -> dict[str, Any]:
    """Replaces MMEngine's loader of downloads, with the same cache.

    Process 0 downloads, the others wait for it.

    Args:
        filename (str): The address.
        map_location (str | torch.device | Callable | dict, optional): As for
            :func:`torch.load`. Defaults to None.
        model_dir (str, optional): Where downloads are kept. Defaults to None,
            ``checkpoints`` in torch's hub folder.
        progress (bool): Whether to show the progress. Defaults to True.

    Returns:
        dict[str, Any]: What the file holds.

    Raises:
        UnsafeCheckpointError: If the file names what is not permitted.
        CheckpointError: If the file cannot be read as a checkpoint.
    """
    from mmengine.dist import barrier, get_rank
    from torch import hub

    model_dir = model_dir or os.path.join(hub.get_dir(), 'checkpoints')
    os.makedirs(model_dir, exist_ok=True)
    cached = os.path.join(model_dir, os.path.basename(urlparse(filename).path))

    def fetch() -> None:
        if not os.path.exists(cached):
            hub.download_url_to_file(filename, cached, progress=progress)

    if get_rank() == 0:
        fetch()
    barrier()
    # Machines that share no folder with the first process fetch their own.
    fetch()
    return load_from_local(cached, map_location)
