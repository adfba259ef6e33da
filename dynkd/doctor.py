# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""``dynkd doctor``: what is installed, what is missing, and how to get it."""

import importlib
import os
import platform
from importlib.util import find_spec
from typing import Optional

from dynkd import __version__
from dynkd.compat.import_hooks import WATCHER

#: What a training needs: what installs each.
NEEDED = {
    'torch': 'pip install torch',
    'mmengine': "pip install 'dynkd[det]', 'dynkd[cls]', …",
    'mmcv': 'see https://mmcv.readthedocs.io, or `make env` in a clone of DynKD',
}
#: The libraries whose models can be trained, of which one is needed.
LIBRARIES = {
    'mmdet': "pip install 'dynkd[det]'",
    'mmpretrain': "pip install 'dynkd[cls]'",
    'mmaction': "pip install 'dynkd[video]'",
    'mmseg': "pip install 'dynkd[seg]'",
    'mmrazor': "pip install 'dynkd[razor]'",
}


def examine() -> int:
    """Print what is installed, and what to do about what is missing.

    Returns:
        int: 0 if trainings can run, else 1.
    """
    print(f'dynkd {__version__}, Python {platform.python_version()}')
    missing = {name: _tell(name, NEEDED[name]) for name in NEEDED}
    if find_spec('mmpretrain') is not None:
        # It imports torchvision, and does not declare it.
        missing['torchvision'] = _tell('torchvision', 'pip install torchvision')
    libraries = {name: _tell(name, LIBRARIES[name]) for name in LIBRARIES}
    if not missing.get('mmcv'):
        _tell_ops()
    _tell_devices()
    if WATCHER.acted:
        print('repairs that act (see dynkd.compat):')
        print('\n'.join(f'  {line}' for line in WATCHER.acted))
    # MMRazor has losses, and no models.
    libraries.pop('mmrazor', None)
    return int(any(missing.values()) or all(libraries.values()))


def _tell(name: str, command: str) -> str:
    """Print a package's version, or how to get it; return what is wrong with it."""
    fault = ''
    try:
        module = importlib.import_module(name)
        print(f'  {name:<11} {getattr(module, "__version__", "")}')
    except ModuleNotFoundError as error:
        fault = 'not installed' if error.name == name else f'needs {error.name}'
    except Exception as error:  # Whatever a broken installation raises.
        fault = f'broken: {" ".join(str(error).split())}'
    if fault:
        print(f'  {name:<11} {fault}: {command}')
    return fault


def _tell_ops() -> None:
    """Print whether MMCV has its compiled operators."""
    fault: Optional[Exception] = None
    try:
        importlib.import_module('mmcv._ext')
    except ImportError as error:
        fault = error
    what = (
        'compiled' if fault is None else 'missing: detection and segmentation need them'
    )
    print(f'  {"mmcv.ops":<11} {what}')


def _tell_devices() -> None:
    """Print the processors that trainings can use."""
    try:
        import torch
    except ImportError:
        return
    names = [
        torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())
    ]
    print(f'devices: {os.cpu_count()} CPU cores, ' + (', '.join(names) or 'no GPU'))
