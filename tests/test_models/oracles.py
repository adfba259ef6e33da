# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""How far losses are from independent transcriptions of their equations.

`docs/losses.md` has a row for each loss, with its greatest relative error. The tests of
the losses compare through the fixture ``agrees``, which fails where an error is of
another order. This prints the table with what is measured now:

    python tests/test_models/oracles.py
"""

import math
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent
PAGE = FOLDER.parents[1] / 'docs' / 'losses.md'
#: Below it, an error is that of adding up in another order.
ROUNDING = 1e-14
#: The call of the fixture, with the name of the loss.
COMPARISON = re.compile(r'\bagrees\(\s*([\'"])(.+?)\1,')
_ROW = re.compile(r'^\| `([^`]+)` \| (.+) \| (.+) \| (\de-\d+) \|$', re.M)


@dataclass(frozen=True)
class Row:
    """What the page says of a loss.

    Args:
        equation (str): Which equation it is.
        oracle (str): What it is compared with.
        error (float): The greatest relative error.
    """

    equation: str
    oracle: str
    error: float


def documented() -> dict[str, Row]:
    """The table of the page.

    Returns:
        dict[str, Row]: Its rows by the name of the loss.
    """
    found = _ROW.findall(PAGE.read_text(encoding='utf-8'))
    return {name: Row(*texts, float(error)) for name, *texts, error in found}


class _Errors:
    """A plugin that collects the errors of a run of the tests."""

    def __init__(self) -> None:
        self.found: dict[str, float] = {}

    def pytest_configure(self, config: pytest.Config) -> None:
        config.oracle_errors = self.found  # type: ignore[attr-defined]


def main() -> None:
    """Run the comparisons, and print the table."""
    files = [
        str(file)
        for file in sorted(FOLDER.rglob('test_*.py'))
        if COMPARISON.search(file.read_text(encoding='utf-8'))
    ]
    errors = _Errors()
    pytest.main(['-q', '--no-header', '-p', 'no:cacheprovider', *files], [errors])
    rows = documented()
    for name, error in errors.found.items():
        row = rows.get(name, Row('?', '?', 0.0))
        print(f'| `{name}` | {row.equation} | {row.oracle} | {_rounded_up(error)} |')


def _rounded_up(error: float) -> str:
    """One digit, no smaller: ``4e-16``."""
    power = math.floor(math.log10(max(error, 1e-16)))
    digit = math.ceil(max(error, 1e-16) / 10.0**power - 1e-9)
    return f'1e{power + 1}' if digit == 10 else f'{digit}e{power}'


if __name__ == '__main__':
    main()
