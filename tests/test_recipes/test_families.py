# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Each method on pairs of the libraries' own configs does what the docs say."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent
PAGE = FOLDER.parents[1] / 'docs' / 'recipes.md'
CELLS = re.findall(r'^\| (.+) \| `(\w+)` \| (.+) \|$', PAGE.read_text(), re.M)
NAMES = list(dict.fromkeys(name for name, _, _ in CELLS))


@pytest.mark.slow
@pytest.mark.parametrize('name', NAMES)
def test_it_works_as_the_page_says(name):
    """In a process of its own: the libraries' registries are as a user's are."""
    program = [sys.executable, str(FOLDER / 'families.py'), name]
    done = subprocess.run(program, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stderr[-4000:]
    found = re.findall(r'^\| (.+) \| `(\w+)` \| (.+) \|$', done.stdout, re.M)
    assert found == [cell for cell in CELLS if cell[0] == name]
