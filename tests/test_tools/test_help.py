# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Each option of a tool is explained, and ``--help`` is quick."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = [*(ROOT / 'tools').rglob('*.py'), ROOT / 'dynkd' / 'utils' / 'cli.py']
#: Its parser reads what a file says, and no command line.
FILES.remove(ROOT / 'tools' / 'comparison' / 'trainings.py')
#: What has a command line. `fetch_sources.py` passes its own on to pip, and the choices
#: of `extract_flow.py` are in a package that imports torch.
COMMANDS = [
    path
    for path in FILES
    if "__name__ == '__main__'" in path.read_text()
    and path.stem not in ('fetch_sources', 'extract_flow')
]
ASKING = """
import runpy, sys
path, sys.argv = sys.argv[1], [sys.argv[1], '--help']
sys.path.insert(0, path.rpartition('/')[0])
try:
    runpy.run_path(path, run_name='__main__')
except SystemExit as end:
    assert not end.code
assert 'torch' not in sys.modules
"""


def unexplained(text: str) -> list[str]:
    """The options of a parser that have no help."""
    return [
        ast.unparse(node)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == 'add_argument'
        and 'help' not in {keyword.arg for keyword in node.keywords}
    ]


def test_each_option_is_explained():
    found = {str(path): unexplained(path.read_text()) for path in FILES}
    assert {path: options for path, options in found.items() if options} == {}
    assert unexplained("parser.add_argument('--seed', type=int)")


@pytest.mark.parametrize('path', COMMANDS, ids=lambda path: path.stem)
def test_help_is_answered_without_torch(path):
    """It takes seconds to import."""
    found = subprocess.run(
        [sys.executable, '-c', ASKING, str(path)], capture_output=True, text=True
    )
    assert found.returncode == 0, found.stderr
    assert 'usage:' in found.stdout
