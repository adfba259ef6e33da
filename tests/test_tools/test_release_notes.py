# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The text of a release, and that all files agree on the version."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = ('dynkd/version.py', 'CITATION.cff', 'CHANGELOG.md', 'tools/release_notes.py')


@pytest.fixture
def clone(tmp_path) -> Path:
    """What the tool reads, to be changed."""
    for name in FILES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def release_notes(clone: Path, tag: str) -> subprocess.CompletedProcess:
    command = [sys.executable, str(clone / 'tools' / 'release_notes.py'), tag]
    return subprocess.run(command, capture_output=True, text=True)


def version() -> str:
    text = (ROOT / 'dynkd' / 'version.py').read_text()
    return re.search(r"'(.+)'", text).group(1)


def test_section_of_this_version_is_printed(clone):
    done = release_notes(clone, f'v{version()}')
    assert done.returncode == 0, done.stderr
    assert '### Added' in done.stdout and '\n## ' not in done.stdout
    assert done.stdout.strip() in (ROOT / 'CHANGELOG.md').read_text()


@pytest.mark.parametrize(
    ('file', 'pattern', 'new', 'said'),
    [
        ('dynkd/version.py', r"'.+'", "'9.9.9'", 'dynkd/version.py has version 9.9.9'),
        ('CITATION.cff', r'(?m)^version:.*$', 'version: 9.9', 'CITATION.cff has'),
        ('CITATION.cff', r"'\d{4}-\d\d-\d\d'", "'1999-01-01'", 'lacks `date-released'),
        ('CHANGELOG.md', r' \(\d{4}-\d\d-\d\d\)', '', 'CHANGELOG.md has no section'),
    ],
)
def test_what_does_not_agree_is_named(clone, file, pattern, new, said):
    path = clone / file
    changed = re.sub(pattern, new, path.read_text())
    assert changed != path.read_text()
    path.write_text(changed)
    done = release_notes(clone, f'v{version()}')
    assert done.returncode == 1 and not done.stdout
    assert said in done.stderr and done.stderr.count('\n') == 1


def test_tag_of_another_version_is_refused(clone):
    done = release_notes(clone, 'v0.0.1')
    assert done.returncode == 1 and 'not 0.0.1' in done.stderr
