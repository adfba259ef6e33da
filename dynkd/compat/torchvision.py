# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""torchvision built for CUDA beside a CPU-only torch.

Needed by: the torchvision wheels that package registries offer for Linux x86-64, which
are CUDA builds (0.29.1 is the newest seen), together with a ``+cpu`` build of torch.

Why: torchvision's compiled operators need CUDA's libraries, so they cannot load, and
since torchvision 0.15 ``import torchvision`` then dies with ``operator torchvision::nms
does not exist``. So do MMPretrain, and MMEngine's Runner, which lists the versions.

Cure: declare the two operators whose absence stops the import. Nobody implements them:
``torchvision.ops.nms`` raises torchvision's own "Couldn't load custom C++ ops", as it
should. Models, transforms and data sets of torchvision work.
"""

import contextlib
import glob
import importlib.machinery
import os

from .import_hooks import WATCHER

_OPERATORS = ('nms', 'qnms')
_SIGNATURE = '(Tensor dets, Tensor scores, float iou_threshold) -> Tensor'

#: Keeps the declarations alive: a library that is collected takes its operators along.
_LIBRARIES: list[object] = []


def apply() -> None:
    """Declares the missing operators when torchvision is about to be imported."""
    WATCHER.before('torchvision', _declare_missing_operators)


def _declare_missing_operators(spec: importlib.machinery.ModuleSpec) -> None:
    import torch

    on_accelerator = torch.version.cuda or getattr(torch.version, 'hip', None)
    if _LIBRARIES or on_accelerator:
        return
    _load_operators(spec)
    missing = [name for name in _OPERATORS if not hasattr(torch.ops.torchvision, name)]
    if missing:
        library = torch.library.Library('torchvision', 'DEF')
        for name in missing:
            library.define(name + _SIGNATURE)
        _LIBRARIES.append(library)
        WATCHER.acted.append('torchvision: its missing operators are declared')


def _load_operators(spec: importlib.machinery.ModuleSpec) -> None:
    """Load torchvision's compiled operators where they can be loaded into this torch.

    Loading them is what torchvision does first of all; doing it earlier changes
    nothing. Their library was ``_C.so``, and is ``_C_stable.so`` since torchvision
    0.29: an operator that is declared before its library is loaded aborts the process.
    """
    import torch

    for folder in spec.submodule_search_locations or ():
        for pattern in ('_C*.so', '_C*.pyd'):
            for library in glob.glob(os.path.join(glob.escape(folder), pattern)):
                with contextlib.suppress(ImportError, OSError):
                    torch.ops.load_library(library)
