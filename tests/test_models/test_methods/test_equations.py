# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Every equation of a paper has an address, and the docs have the same ones."""

import ast
import inspect
import re
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[3]
METHODS = 'dynkd.models.methods'
#: The last numbered equation of each paper; every one before has a row too.
LAST = dict(dkd=8, ekd=11, dpk=9, iakd=6, dtskd=9)
#: FGD's loss is read from the appendix of DPK, whose numbers and page it shares.
PAGES = dict(dkd='dkd', ekd='ekd', dpk='dpk', iakd='iakd', dtskd='dtskd', fgd='dpk')
_RULE = re.compile(r'^=+ +=+$', re.MULTILINE)
_NUMBERS = re.compile(r'\bEqs?\.\s+(\d+(?:(?:,| to| and)\s+\d+)*)')


class Row(NamedTuple):
    """A row of a table of equations."""

    source: str
    objects: tuple[str, ...]
    note: str


def docstring_rows(text: str) -> list[Row]:
    """The table of a docstring: cells of several lines have an empty first column."""
    _, _, body, _ = _RULE.split(text)
    cells: list[list[str]] = []
    for line in body.strip('\n').splitlines():
        source, cell = line[:13].strip(), line[13:].strip()
        if source:
            cells.append([source, cell])
        else:
            cells[-1][1] += f' {cell}'
    return [as_row(source, cell, r'``([\w.]+)``') for source, cell in cells]


def page_rows(page: str) -> list[Row]:
    """The rows below the heading `Equations` of a page, of all its tables."""
    text = (ROOT / f'docs/methods/{page}.md').read_text(encoding='utf-8')
    section = text.split('\n## Equations\n')[1].split('\n## ')[0]
    rows = re.findall(r'^\| ((?:Eq|Sec|Table)\b.*?) \| (.*) \|$', section, re.MULTILINE)
    return [as_row(source, cell, r'\[`(\w+)`\]\([^)]*\)') for source, cell in rows]


def as_row(source: str, cell: str, pattern: str) -> Row:
    """A row of which the objects match a pattern; what is left over is the note."""
    note = re.sub(pattern, '', cell).strip(' ,;')
    return Row(source, tuple(re.findall(pattern, cell)), note)


def numbers(text: str) -> set[int]:
    """The equations that a text names: `Eq. 1`, `Eqs. 2 to 4 and 6`."""
    found: set[int] = set()
    for match in _NUMBERS.findall(' '.join(text.split())):
        for part in re.split(r',| and', match):
            first, *last = (int(number) for number in part.split(' to '))
            found.update(range(first, (last or [first])[0] + 1))
    return found


def file_of(path: str) -> Path:
    """The file in which an object is defined."""
    found = resolve_name(path)
    name = getattr(found, '__module__', None) or path.rpartition('.')[0]
    return Path(sys.modules[name].__file__)


def docs_of(path: str) -> str:
    """The docstring of an object, and that of its module."""
    found: Any = resolve_name(path)
    module = ast.parse(file_of(path).read_text(encoding='utf-8'))
    return f'{inspect.getdoc(found)}\n{ast.get_docstring(module)}'


def table_of(paper: str) -> list[Row]:
    """The table at the head of a package."""
    return docstring_rows(import_module(f'{METHODS}.{paper}').__doc__)


def equation_of(row: Row) -> set[int]:
    """The equation of a row; none for a section."""
    return numbers(row.source)


def test_numbers_are_read_with_lists_and_ranges():
    assert numbers('Eq. 1 and Eqs. 3, 5 to\n7 and 9, but not (2)') == {1, 3, 5, 6, 7, 9}


@pytest.mark.parametrize('paper', sorted(LAST))
def test_every_numbered_equation_has_a_row(paper: str):
    found = [number for row in table_of(paper) for number in equation_of(row)]
    assert found == list(range(1, LAST[paper] + 1))


@pytest.mark.parametrize('paper', sorted(PAGES))
def test_every_row_leads_to_an_object_or_says_why_there_is_none(paper: str):
    for row in table_of(paper):
        assert row.objects or row.note, row
        for path in row.objects:
            assert resolve_name(path) is not None


@pytest.mark.parametrize('paper', sorted(PAGES))
def test_what_is_the_papers_own_names_its_equation(paper: str):
    for row in table_of(paper):
        for path in row.objects:
            if path.startswith(f'{METHODS}.{paper}.'):
                assert equation_of(row) <= numbers(docs_of(path)), (row.source, path)


@pytest.mark.parametrize('paper', sorted(PAGES))
def test_every_equation_that_a_docstring_names_is_in_the_table(paper: str):
    known = {number for row in table_of(paper) for number in equation_of(row)}
    for file in (ROOT / 'dynkd/models/methods' / paper).glob('*.py'):
        tree = ast.parse(file.read_text(encoding='utf-8'))
        for node in ast.walk(tree):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                named = numbers(ast.get_docstring(node) or '')
                assert named <= known, (file.name, getattr(node, 'name', ''))


@pytest.mark.parametrize('page', sorted(set(PAGES.values())))
def test_the_page_has_the_same_rows_with_links(page: str):
    papers = [paper for paper, own in PAGES.items() if own == page]
    rows = [row for paper in papers for row in table_of(paper)]
    short = [
        row._replace(objects=tuple(path.rpartition('.')[2] for path in row.objects))
        for row in rows
    ]
    assert page_rows(page) == short
    text = (ROOT / f'docs/methods/{page}.md').read_text(encoding='utf-8')
    for path in (path for row in rows for path in row.objects):
        name, file = path.rpartition('.')[2], file_of(path).relative_to(ROOT)
        assert f'[`{name}`](../../{file.as_posix()})' in text
