# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""How converters end."""

import subprocess
import sys

import pytest

from dynkd.exit_status import reports_errors


@reports_errors('tool', ValueError, OSError)
def main(error=None):
    """Do it."""
    if error is not None:
        raise error
    return 3


def test_its_status_is_handed_on():
    assert main() == 3
    assert main.__doc__ == 'Do it.'


@pytest.mark.parametrize('error', [ValueError('no'), FileNotFoundError('no')])
def test_errors_are_one_line_with_status_1(error, capsys):
    assert main(error) == 1
    assert capsys.readouterr().err == 'tool: no\n'


def test_another_status(capsys):
    @reports_errors('tool', ValueError, status=2)
    def refused():
        raise ValueError('no')

    assert refused() == 2 and capsys.readouterr().err == 'tool: no\n'


def test_other_errors_are_shown_as_they_are():
    with pytest.raises(KeyError):
        main(KeyError('a bug'))


def test_it_is_imported_without_torch():
    code = 'import sys, dynkd.exit_status; sys.exit("torch" in sys.modules)'
    assert subprocess.run([sys.executable, '-c', code]).returncode == 0
