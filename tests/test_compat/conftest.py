# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import os
from pathlib import Path

import pytest

import dynkd


@pytest.fixture(autouse=True)
def subprocesses_find_dynkd(monkeypatch):
    """These tests start Python anew, also where DynKD is not installed."""
    root = str(Path(dynkd.__file__).parents[1])
    known = os.environ.get('PYTHONPATH')
    path = os.pathsep.join([root, known]) if known else root
    monkeypatch.setenv('PYTHONPATH', path)
