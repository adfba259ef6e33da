# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The README and the documentation agree with the code they describe."""

import ast
import importlib
import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope, init_default_scope

from dynkd.registry import (
    DATASETS,
    FUNCTIONS,
    HOOKS,
    LOOPS,
    MODELS,
    OPTIM_WRAPPER_CONSTRUCTORS,
    SCHEDULES,
    STORES,
    TRANSFER_GROUPS,
    TRANSFORMS,
)

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / 'README.md'
DOCS = [page for page in (ROOT / 'docs').rglob('*.md') if '_build' not in page.parts]
PAGES = [README, *sorted(DOCS)]
TROUBLESHOOTING = ROOT / 'docs' / 'troubleshooting.md'
#: Files of the project that a page names in text or in a command.
PATH = re.compile(
    r'(?<![\w./-])((?:configs|tools|benchmarks|requirements|tests|docs)/[\w./-]*\w/?)'
)
FENCE = re.compile(r'^```(\S+)\n(.*?)^```', re.M | re.S)
ANYTHING = '\0'


def each_page() -> Any:
    """Run a test once for each page."""
    ids = [str(page.relative_to(ROOT)) for page in PAGES]
    return pytest.mark.parametrize('page', PAGES, ids=ids)


def marked(comment: str) -> list[Any]:
    """What stands behind a comment ``<!-- comment: … -->``, with the comment's text.

    Args:
        comment (str): The comment's first word.

    Returns:
        list: A parameter ``(rest of the comment, the text behind it)`` for each.
    """
    pattern = re.compile(rf'<!-- {comment}(?:: ([^>]*))? -->\n(.*?)(?:\n\n|\Z)', re.S)
    found = []
    for page in PAGES:
        text = page.read_text(encoding='utf-8')
        for match in pattern.finditer(text):
            line = text[: match.start()].count('\n') + 1
            name = f'{page.relative_to(ROOT)}:{line}'
            rest = text[match.start(2) :]
            found.append(pytest.param(match.group(1), rest, id=name))
    return found


def snippet(text: str) -> str:
    """The code of the fence that a text begins with."""
    match = FENCE.match(text)
    assert match is not None and match.group(1) == 'python', text[:80]
    return match.group(2)


# ------------------------------------------------------------------- names


@each_page()
def test_files_that_a_page_names_exist(page: Path):
    text = page.read_text(encoding='utf-8')
    named = [path for path in PATH.findall(text) if not path.startswith('docs/_build')]
    missing = [path for path in named if not (ROOT / path).exists()]
    assert not missing


@each_page()
def test_links_to_files_and_headings_resolve(page: Path):
    text = FENCE.sub('', page.read_text(encoding='utf-8'))
    for target in re.findall(r'\]\(([^)\s]+)\)', text):
        if re.match(r'\w+://', target):
            continue
        name, _, anchor = target.partition('#')
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), f'{page.name} links to {target}'
        if anchor:
            assert anchor in anchors(file), f'{page.name} links to {target}'


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and MyST make them."""
    text = FENCE.sub('', page.read_text(encoding='utf-8'))
    headings = re.findall(r'^#+ (.+)$', text, re.M)
    slugs = [re.sub(r'[^\w\- ]', '', h).strip().lower() for h in headings]
    return {slug.replace(' ', '-') for slug in slugs}


@each_page()
def test_options_of_tools_exist(page: Path):
    text = page.read_text(encoding='utf-8')
    sources = [*(ROOT / 'tools').rglob('*.py'), ROOT / 'dynkd' / 'utils' / 'cli.py']
    known = {
        option
        for source in sources
        for option in re.findall(r"'(--[\w-]+)'", source.read_text(encoding='utf-8'))
    }
    lines = re.findall(r'^.*tools/[\w/]+\.(?:py|sh) .*$', text, re.M)
    named = {o for line in lines for o in re.findall(r'(?<=\s)--[a-z][\w-]+', line)}
    named |= set(re.findall(r'^\| `(--[\w-]+)', text, re.M))
    assert named <= known


@each_page()
def test_make_targets_exist(page: Path):
    makefile = (ROOT / 'Makefile').read_text(encoding='utf-8')
    targets = set(re.findall(r'^([a-z-]+):', makefile, re.M))
    text = page.read_text(encoding='utf-8')
    commands = ''.join(code for kind, code in FENCE.findall(text) if kind == 'console')
    named = set(re.findall(r'^make ([a-z-]+)', commands, re.M))
    named |= set(re.findall(r'`make ([a-z-]+)', text))
    assert named <= targets


@each_page()
def test_registered_names_exist(page: Path):
    text = page.read_text(encoding='utf-8')
    names = set(re.findall(r"type='dynkd\.(\w+)'", text))
    ours = r'\w+(?:Schedule|Aligner|Module|Transfers|Store|Ratio|Knowledge|Map)'
    names |= set(re.findall(rf"type='({ours})'", text))
    names |= set(re.findall(r'`dynkd\.([A-Z]\w+|seed_worker)`', text))
    losses = r'(?:EMD|KLD|Feature|Historical|MMD|FGD|RandomLevels)Loss'
    losses += r'|(?:AT|CRD|CWD|DecoupledKD|DIST|HCL|LD|MGD|PKD|PKT|RKD|SP|VID)Loss'
    losses += '|Ensemble|ReviewFusion'
    names |= set(re.findall(rf"type='({losses})'", text))
    registries = (
        DATASETS,
        FUNCTIONS,
        HOOKS,
        LOOPS,
        MODELS,
        OPTIM_WRAPPER_CONSTRUCTORS,
        SCHEDULES,
        STORES,
        TRANSFER_GROUPS,
        TRANSFORMS,
    )
    with DefaultScope.overwrite_default_scope('dynkd'):
        unknown = [n for n in names if not any(r.get(n) for r in registries)]
    assert not unknown


@each_page()
def test_imports_work(page: Path):
    text = page.read_text(encoding='utf-8')
    for code in (code for kind, code in FENCE.findall(text) if kind == 'python'):
        for module, names in re.findall(
            r'^from (dynkd[\w.]*) import (.+)$', code, re.M
        ):
            for name in names.split(', '):
                assert hasattr(importlib.import_module(module), name)


# ------------------------------------------------------------------ tables


def defaults(path: str) -> dict[str, str]:
    """The arguments of a class, with their defaults as a table shows them."""
    module, _, name = path.rpartition('.')
    found = {}
    parameters = inspect.signature(getattr(importlib.import_module(module), name))
    for parameter in parameters.parameters.values():
        value = parameter.default
        if value is inspect.Parameter.empty:
            found[parameter.name] = 'required'
        else:
            # A dataclass shows a stand-in for what a factory makes.
            factory = 'factory' in repr(value)
            found[parameter.name] = '`{}`' if factory else f'`{value!r}`'
    return found


@pytest.mark.parametrize('classes, table', marked('arguments'))
def test_tables_of_arguments_are_complete(classes: str, table: str):
    rows = re.findall(r'^\| `(\w+)` \| (.+?) \| .+ \|$', table.split('\n\n')[0], re.M)
    for path in classes.split(', '):
        assert dict(rows) == defaults(path)


@pytest.mark.parametrize('classes, table', marked('arguments'))
def test_tables_follow_the_order_of_arguments(classes: str, table: str):
    rows = re.findall(r'^\| `(\w+)` \|', table.split('\n\n')[0], re.M)
    assert rows == list(defaults(classes.split(', ')[0]))


# ----------------------------------------------------------------- configs


@pytest.mark.parametrize('how, text', marked('config'))
def test_complete_configs_parse(how: str, text: str, tmp_path: Path):
    file = tmp_path / 'config.py'
    file.write_text(snippet(text))
    kinds = ('dynkd.Distillation', 'dynkd.InteractiveDistillation')
    assert Config.fromfile(str(file)).model.type in kinds


@pytest.mark.parametrize(
    'text',
    [
        pytest.param(p.values[1], id=p.id)
        for p in marked('config')
        if p.values[0] == 'builds'
    ],
)
def test_complete_configs_build(text: str, tmp_path: Path):
    file = tmp_path / 'config.py'
    file.write_text(snippet(text))
    base = re.search(r"_base_ = \(?\s*'(\w+)::", text)
    pytest.importorskip(base.group(1))
    cfg = Config.fromfile(str(file))
    without_weights(cfg)
    init_default_scope(cfg.default_scope)
    model = MODELS.build(cfg.model)
    assert 'student' in model.all_streams
    trained = {name for name in model.all_streams if not model.stream(name).cfg.frozen}
    constructor = cfg.optim_wrapper.get('constructor')
    if constructor is None:
        # The base's serves each stream by itself.
        assert 'optimizer' in cfg.optim_wrapper
        return
    with DefaultScope.overwrite_default_scope('dynkd'):
        build = OPTIM_WRAPPER_CONSTRUCTORS.get(constructor)
    settings = cfg.optim_wrapper.to_dict()
    settings.pop('constructor')
    wrappers = build(settings)(model)
    assert {name for name, _ in wrappers.items()} == trained


def without_weights(cfg: Config) -> None:
    """Leave out the checkpoints, which are not on this machine."""
    for stream in cfg.model.streams.values():
        if isinstance(stream, dict):
            stream.checkpoint = None
            stream.setdefault('model', {})


@pytest.mark.parametrize('file, text', marked('same as'))
def test_snippets_equal_the_tested_files(file: str, text: str):
    code = (ROOT / file).read_text(encoding='utf-8')
    notice, _, code = code.partition('\n')
    assert 'Copyright' in notice
    assert snippet(text) == code


def test_the_readme_shows_the_drop_in():
    assert any('dropin' in param.values[0] for param in marked('same as'))


# ---------------------------------------------------------------- messages


def messages() -> list[str]:
    """All strings in the code, with a stand-in for what is formatted into them."""
    sources = [*(ROOT / 'dynkd').rglob('*.py'), *(ROOT / 'tools').rglob('*.py')]
    sources = [source for source in sources if '.mim' not in source.parts]
    trees = [ast.parse(source.read_text(encoding='utf-8')) for source in sources]
    found = [joined(node) for tree in trees for node in ast.walk(tree)]
    shell = [s.read_text(encoding='utf-8') for s in (ROOT / 'tools').rglob('*.sh')]
    return [text for text in found if text] + shell


def joined(node: ast.AST) -> str:
    """The text of a string or of a formatted string; else nothing."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return joined(node.left) + joined(node.right)
    if isinstance(node, ast.JoinedStr):
        return ''.join(joined(value) or ANYTHING for value in node.values)
    if isinstance(node, (ast.FormattedValue, ast.Call, ast.Name)):
        return ANYTHING
    return ''


def as_pattern(shown: str) -> re.Pattern:
    """What a message is in the code: `…` stands for a value, or is in it as it is."""
    parts = [re.escape(part) for part in shown.strip().split('…')]
    return re.compile(f'(?:{ANYTHING}|…)+'.join(parts), re.S)


@pytest.fixture(scope='module')
def all_messages() -> str:
    return '\n'.join(messages())


@pytest.mark.parametrize(
    'shown', re.findall(r'^\| ``(.+?)`` \|', TROUBLESHOOTING.read_text('utf-8'), re.M)
)
def test_messages_are_those_of_the_code(shown: str, all_messages: str):
    assert as_pattern(shown).search(all_messages)


def test_every_fence_is_closed():
    for page in PAGES:
        assert page.read_text(encoding='utf-8').count('```') % 2 == 0
