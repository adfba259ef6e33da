# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Import of files that are in no package, such as scripts beside a test."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType


def load_file(path: Path) -> ModuleType:
    """Import a file by its path.

    Args:
        path (Path): The file. Its module is called ``loaded_`` and its stem.

    Returns:
        ModuleType: The module.
    """
    spec = importlib.util.spec_from_file_location(f'loaded_{path.stem}', path)
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look for their module there.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
