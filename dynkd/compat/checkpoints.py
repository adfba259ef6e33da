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

Cure: loaders for MMEngine's ``CheckpointLoader`` that always use torch's restricted
unpickler, with exactly what MMEngine's own checkpoints need permitted (see
:mod:`dynkd.compat.safe_globals`). They serve ``Runner.resume``, ``load_checkpoint``,
``init_cfg``, ``init_detector`` and everything else that loads through MMEngine. torch
before 2.4 cannot be told what to permit: there a restricted unpickler of our own does
the same.
"""

import os
import pickle
import re
from pathlib import Path
from typing import Any, Callable, Optional, Union
from urllib.parse import urlparse

from .import_hooks import WATCHER

_MODULE = 'mmengine.runner.checkpoint'
_GLOBAL = re.compile(r'GLOBAL (\S+?(?:\(.*?\))?)(?:\s|$)')
# What torch says when the pickle calls or builds something that no list permits.
_FORBIDDEN = re.compile(r'Trying to call reduce|Can only (?:create|build)')
# What torch's readers of both file formats say of a file that is cut short.
_DAMAGED = re.compile(r'PytorchStreamReader|unexpected EOF|file might be corrupted')


class UnsafeCheckpointError(pickle.UnpicklingError):
    """A checkpoint names something that could run code when it is loaded."""


def apply() -> None:
    """Makes torch and MMEngine load checkpoints safely once they are imported."""
    WATCHER.after('torch', _allow)
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
        UnsafeCheckpointError: If the file asks for anything but tensors, plain values
            and what MMEngine's Runner writes. Nothing of it has run.
        ValueError: If the file is no checkpoint, is damaged, or holds no dictionary.
    """
    from mmengine.runner.checkpoint import CheckpointLoader

    checkpoint = CheckpointLoader.load_checkpoint(str(filename), map_location)
    if not isinstance(checkpoint, dict):
        raise ValueError(
            f'{filename} holds a {type(checkpoint).__name__}, not the dictionary that '
            'a checkpoint is. Save a model as dict(state_dict=model.state_dict()).'
        )
    return checkpoint


def safe_torch_load(file: Any, map_location: Any, name: str) -> Any:
    """Loads with torch's restricted unpickler, or with ours where torch's is too old.

    Args:
        file (str | BinaryIO): What :func:`torch.load` takes.
        map_location (str | torch.device | Callable | dict | None): As for
            :func:`torch.load`.
        name (str): What error messages call the file.

    Returns:
        Any: What the file holds.

    Raises:
        UnsafeCheckpointError: If the file names what is not permitted.
        ValueError: If the file cannot be read as a checkpoint.
    """
    from .safe_globals import plain_dtypes_only

    try:
        with plain_dtypes_only():
            return _restricted_load()(file, map_location)
    except (pickle.UnpicklingError, EOFError) as error:
        raise _explained(error, name) from None
    except RuntimeError as error:
        if not _DAMAGED.search(str(error)):
            raise
        raise _explained(error, name) from None


def _restricted_load() -> Callable[[Any, Any], Any]:
    import torch

    from .safe_globals import allow_checkpoint_globals

    if allow_checkpoint_globals():
        return lambda file, where: torch.load(file, where, weights_only=True)
    from . import restricted_pickle

    return lambda file, where: torch.load(file, where, restricted_pickle)


def _explained(error: Exception, name: str) -> Exception:
    found = _GLOBAL.search(str(error))
    if found is None and not _FORBIDDEN.search(str(error)):
        return ValueError(
            f'{name} is no torch checkpoint, or is damaged: {_first_line(error)} '
            'Check its size, or download it again.'
        )
    wanted = found.group(1) if found else 'an object that no checkpoint needs'
    return UnsafeCheckpointError(
        f'{name} was refused: loading it would use `{wanted}`, which is neither a '
        'tensor, nor a plain value, nor anything that MMEngine writes, and could run '
        'code. Nothing of it was run. If it comes from somebody else, do not trust it. '
        'If it is yours, save what you need of it as tensors: '
        "torch.save(dict(state_dict=model.state_dict()), 'weights.pth'); or, for a "
        'class of your own, permit it with torch.serialization.add_safe_globals([...]).'
    )


def _first_line(error: Exception) -> str:
    """What torch's unpickler found, out of the advice that torch wraps around it."""
    text = str(error)
    detail = re.search(r'WeightsUnpickler error:\s*([^\n]+)', text)
    line = detail.group(1) if detail else (text.splitlines() or [''])[0]
    return f'{line.split(". ")[0].strip().rstrip(".")}.' if line else 'it is cut short.'


def _allow() -> None:
    from .safe_globals import allow_checkpoint_globals

    allow_checkpoint_globals()


def _register_loaders() -> None:
    from mmengine.runner import checkpoint

    register = checkpoint.CheckpointLoader.register_scheme
    register(prefixes='', loader=load_from_local, force=True)
    register(prefixes=('http://', 'https://'), loader=load_from_http, force=True)
    # The loaders of openmmlab://, torchvision:// and mmcls:// call it by this name.
    checkpoint.load_from_http = load_from_http


def load_from_local(filename: str, map_location: Any = None) -> Any:
    """Replaces MMEngine's loader of files.

    Args:
        filename (str): The file; ``~`` stands for the home folder.
        map_location (str | torch.device | Callable | dict, optional): As for
            :func:`torch.load`. Defaults to None.

    Returns:
        Any: What the file holds.

    Raises:
        FileNotFoundError: If there is no such file.
        UnsafeCheckpointError: If the file names what is not permitted.
        ValueError: If the file cannot be read as a checkpoint.
    """
    filename = os.path.expanduser(filename)
    if not os.path.isfile(filename):
        raise FileNotFoundError(f'{filename} can not be found.')
    return safe_torch_load(filename, map_location, filename)


def load_from_http(
    filename: str,
    map_location: Any = None,
    model_dir: Optional[str] = None,
    progress: bool = True,
) -> Any:
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
        Any: What the file holds.

    Raises:
        UnsafeCheckpointError: If the file names what is not permitted.
        ValueError: If the file cannot be read as a checkpoint.
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
