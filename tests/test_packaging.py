# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What the wheel, the source distribution and an editable installation hold."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
LIBRARIES = ('det', 'cls', 'video', 'seg', 'razor')
EXTRAS = ('runtime', *LIBRARIES, 'onedl', 'tests', 'lint')
CONTENT = ('dynkd', 'configs', 'tools', 'requirements')


@pytest.fixture
def tree(tmp_path):
    """A copy of the sources, for builds leave things in the tree."""
    tree = tmp_path / 'tree'
    junk = shutil.ignore_patterns('__pycache__', '.mim')
    for name in CONTENT:
        shutil.copytree(ROOT / name, tree / name, ignore=junk)
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy2(path, tree)
    return tree


def build(tree, what):
    """Build through the standard interface of packaging tools; no network needed."""
    target = tree.parent / what
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    code = (
        'import sys; from setuptools import build_meta; '
        f'print(build_meta.build_{what}(sys.argv[1]))'
    )
    command = [sys.executable, '-c', code, str(target)]
    result = subprocess.run(command, cwd=tree, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return target / result.stdout.splitlines()[-1]


def names_in(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def sources(tree, folder, suffixes):
    found = [p for p in (tree / folder).rglob('*') if p.suffix in suffixes]
    return {str(path.relative_to(tree)) for path in found}


def test_wheel_holds_package_configs_and_tools(tree):
    names = names_in(build(tree, 'wheel'))
    assert sources(tree, 'dynkd', {'.py'}) <= names
    for folder in ('configs', 'tools'):
        expected = sources(tree, folder, {'.py', '.sh', '.yml'})
        assert expected and {f'dynkd/.mim/{name}' for name in expected} <= names
    assert 'dynkd/.mim/model-index.yml' in names
    top = {name.split('/')[0] for name in names}
    assert top == {'dynkd', next(name for name in top if name.endswith('.dist-info'))}
    assert not [name for name in names if '__pycache__' in name]


def test_second_wheel_has_nothing_stale(tree):
    extra = [tree / 'configs' / 'stale.py', tree / 'dynkd' / 'stale.py']
    for path in extra:
        path.write_text('')
    first = names_in(build(tree, 'wheel'))
    assert {'dynkd/.mim/configs/stale.py', 'dynkd/stale.py'} <= first
    for path in extra:
        path.unlink()
    second = names_in(build(tree, 'wheel'))
    assert first - second == {'dynkd/.mim/configs/stale.py', 'dynkd/stale.py'}
    assert not second - first


def test_editable_installation_links_to_the_sources(tree):
    build(tree, 'editable')
    mim = tree / 'dynkd' / '.mim'
    for name in ('configs', 'tools', 'model-index.yml'):
        assert (mim / name).is_symlink()
        assert (mim / name).resolve() == tree / name
        assert not Path(mim / name).readlink().is_absolute()
    # A wheel built from that tree has copies, and leaves the links alone.
    names = names_in(build(tree, 'wheel'))
    assert 'dynkd/.mim/tools/train.py' in names
    assert (mim / 'configs').is_symlink()


def test_wheel_from_source_distribution_is_the_same(tree):
    archive = build(tree, 'sdist')
    with tarfile.open(archive) as file:
        file.extractall(tree.parent / 'unpacked', filter='data')
    (unpacked,) = (tree.parent / 'unpacked').iterdir()
    from_archive = names_in(build(unpacked, 'wheel'))
    assert from_archive == names_in(build(tree, 'wheel'))


def test_metadata_offers_the_extras(tree):
    wheel = build(tree, 'wheel')
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith('/METADATA'))
        metadata = Parser().parsestr(archive.read(name).decode())
    text = (ROOT / 'dynkd' / 'version.py').read_text()
    assert metadata['Version'] == re.search(r"'(.+)'", text).group(1)
    extras = set(metadata.get_all('Provides-Extra'))
    assert extras == {*LIBRARIES, 'all', 'onedl', 'tests', 'docs'}
    required = metadata.get_all('Requires-Dist')
    plain = {re.match(r'[\w-]+', r).group() for r in required if 'extra' not in r}
    # Not MMEngine: its forks have other names, and it would overwrite them.
    assert plain == {'geomloss', 'numpy', 'scipy', 'torch'}
    onedl = [r for r in required if re.search('extra == .onedl', r)]
    # What a fork imports and does not declare is no library of OpenMMLab's.
    assert onedl and all(r.startswith(('onedl-', 'torchvision')) for r in onedl)
    everything = {r.split(';')[0] for r in required if re.search('extra == .all', r)}
    for extra in LIBRARIES:
        own = {r.split(';')[0] for r in required if re.search(f'extra == .{extra}', r)}
        assert own and own <= everything


def test_command_tells_the_version(tree, tmp_path):
    with zipfile.ZipFile(build(tree, 'wheel')) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith('/entry_points.txt'))
        text = archive.read(name).decode()
    assert 'dynkd = dynkd.__main__:main' in text.splitlines()
    command = [sys.executable, '-m', 'dynkd']
    env = {**os.environ, 'PYTHONPATH': str(ROOT)}

    def run(*more):
        return subprocess.run(
            [*command, *more], capture_output=True, text=True, cwd=tmp_path, env=env
        )

    version = re.search(r"'(.+)'", (ROOT / 'dynkd' / 'version.py').read_text()).group(1)
    assert run('--version').stdout == f'dynkd {version}\n'
    assert 'dynkd distill' in run().stdout
    assert run('--nonsense').returncode == 2


def test_model_index_names_files_that_exist():
    index = yaml.safe_load((ROOT / 'model-index.yml').read_text())
    assert index['Import']
    for name in index['Import']:
        assert (ROOT / name).is_file()


def test_import_without_mmengine_says_what_to_install(tmp_path):
    code = (
        'import sys\n'
        'class Hidden:\n'
        '    def find_spec(self, name, path=None, target=None):\n'
        "        if name.split('.')[0] == 'mmengine':\n"
        "            raise ModuleNotFoundError('none', name=name)\n"
        'sys.meta_path.insert(0, Hidden())\n'
        f'sys.path.insert(0, {str(ROOT)!r})\nimport dynkd\n'
    )
    command = [sys.executable, '-c', code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith('ModuleNotFoundError: DynKD needs MMEngine')
    assert "'dynkd[det]'" in last and "'dynkd[onedl]'" in last


def test_pinned_versions_satisfy_the_ranges():
    """Whoever installs the ranges may get what the suite runs with."""
    requirements = pytest.importorskip('packaging.requirements')
    utils = pytest.importorskip('packaging.utils')
    pins = {}
    for path in (ROOT / 'requirements' / 'pinned').glob('*.txt'):
        for line in path.read_text().splitlines():
            if line and not line.startswith('#'):
                pin = requirements.Requirement(line)
                if pin.marker is None or pin.marker.evaluate():
                    version = str(pin.specifier).removeprefix('==')
                    pins[utils.canonicalize_name(pin.name)] = version
    for extra in EXTRAS:
        text = (ROOT / 'requirements' / f'{extra}.txt').read_text()
        for line in text.splitlines():
            if line.startswith('#'):
                continue
            wanted = requirements.Requirement(line)
            assert wanted.specifier.contains(pins[utils.canonicalize_name(wanted.name)])
