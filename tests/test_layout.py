# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The packages build on one another in one direction, and a test mirrors each."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / 'dynkd'
#: The floors of dynkd.models, from the lowest to the highest.
FLOORS = [
    {'taps', 'schedules', 'labels'},
    {'stores'},
    {'streams'},
    {'transfers'},
    {'algorithms'},
    {'methods'},
]


def module_name(path: Path) -> str:
    """The dotted name of a file."""
    parts = path.relative_to(ROOT).with_suffix('').parts
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


FILES = {module_name(path): path for path in sorted(PACKAGE.rglob('*.py'))}


def imports_of(module: str) -> set[str]:
    """The modules of the package that a module imports, for types only or late too."""
    path = FILES[module]
    package = module if path.name == '__init__.py' else module.rpartition('.')[0]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package.split('.')[: len(package.split('.')) - node.level + 1]
            start = '.'.join(base) if node.level else ''
            source = '.'.join(filter(None, [start, node.module or '']))
            for alias in node.names:
                whole = f'{source}.{alias.name}'
                found.add(whole if whole in FILES else source)
    return {name for name in found if name in FILES and name != module}


GRAPH = {module: imports_of(module) for module in FILES}


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The groups of modules that import one another (Tarjan's algorithm)."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        order[node] = low[node] = len(order)
        stack.append(node)
        for other in graph[node]:
            if other not in order:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], order[other])
        if low[node] == order[node]:
            group = []
            while not group or group[-1] != node:
                group.append(stack.pop())
            if len(group) > 1:
                found.append(sorted(group))

    for node in graph:
        if node not in order:
            visit(node)
    return found


def test_no_import_closes_a_circle():
    assert circles(GRAPH) == []


def test_a_circle_would_be_found():
    assert circles({'a': {'b'}, 'b': {'c'}, 'c': {'a'}, 'd': {'a'}}) == [
        ['a', 'b', 'c']
    ]


def floor_of(module: str) -> int:
    """The floor on which a module of dynkd.models stands."""
    folder = module.split('.')[2]
    return next(index for index, names in enumerate(FLOORS) if folder in names)


@pytest.mark.parametrize('module', [m for m in FILES if m.startswith('dynkd.models.')])
def test_floors_build_on_those_below(module: str):
    own = module.split('.')[2]
    if own == 'backbones':
        assert not [m for m in GRAPH[module] if not m.startswith(BELOW_BACKBONES)]
        return
    for other in GRAPH[module]:
        if not other.startswith('dynkd.models.') or other.split('.')[2] == own:
            continue
        assert floor_of(other) < floor_of(module), f'{module} imports {other}'


BELOW_BACKBONES = ('dynkd.models.backbones', 'dynkd.registry', 'dynkd.utils')


def test_models_know_nothing_of_the_engine():
    known = {
        (module, other)
        for module in FILES
        if module.startswith(('dynkd.models', 'dynkd.utils'))
        for other in GRAPH[module]
        if other.startswith(('dynkd.engine', 'dynkd.datasets'))
    }
    assert not known


def test_nothing_below_algorithms_names_the_distillation():
    below = ('taps', 'schedules', 'stores', 'streams', 'transfers')
    for module, path in FILES.items():
        if module.startswith(tuple(f'dynkd.models.{folder}' for folder in below)):
            tree = ast.parse(path.read_text(encoding='utf-8'))
            names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
            assert 'Distillation' not in names, module


@pytest.mark.parametrize(
    'folder', sorted({path.parent.relative_to(PACKAGE) for path in FILES.values()})
)
def test_tests_mirror_the_package(folder: Path):
    """Each folder of the package has its folder of tests."""
    mirrored = ROOT.joinpath('tests', *(f'test_{part}' for part in folder.parts))
    assert mirrored.is_dir() and list(mirrored.rglob('test_*.py'))


def test_the_distillation_fits_on_a_few_screens():
    """It is the order of things; what others ask of it stands elsewhere."""
    lines = FILES['dynkd.models.algorithms.distillation'].read_text().splitlines()
    assert len(lines) < 250
