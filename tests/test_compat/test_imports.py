# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Each test imports in a process of its own: what was imported before would decide."""

import importlib.util
import subprocess
import sys
import types

import pytest


def run(code: str) -> str:
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def needs(*packages: str) -> pytest.MarkDecorator:
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f'{missing} not installed')


def test_import_dynkd_imports_nothing_large():
    large = ('torch', 'torchvision', 'cv2', 'mmcv', 'mmdet', 'mmpretrain', 'mmaction')
    out = run(
        'import sys, mmengine\nbefore = set(sys.modules)\nimport dynkd\n'
        f'print([m for m in {large + ("mmrazor", "mmseg", "sklearn")} '
        'if m in sys.modules and m not in before])'
    )
    assert out.strip() == '[]'


def test_apply_twice_changes_nothing():
    run(
        'import sys, dynkd\nfrom dynkd import compat\n'
        'from dynkd.compat.import_hooks import WATCHER\n'
        'path, before = list(sys.meta_path), dict(WATCHER._before)\n'
        'after = {k: list(v) for k, v in WATCHER._after.items()}\n'
        'compat.apply()\n'
        'assert sys.meta_path == path and sys.meta_path.count(WATCHER) == 1\n'
        'assert {k: list(v) for k, v in WATCHER._after.items()} == after'
    )


@needs('torchvision')
@pytest.mark.parametrize(
    'first',
    [
        'import dynkd',
        'import torch\nimport dynkd',
        'try:\n    import torchvision\nexcept RuntimeError:\n    pass\nimport dynkd',
    ],
)
def test_torchvision_imports(first):
    run(
        first + '\nimport torchvision, torchvision.transforms as T, torch\n'
        'model = torchvision.models.resnet18(num_classes=3).eval()\n'
        'assert model(torch.zeros(1, 3, 32, 32)).shape == (1, 3)'
    )


@pytest.mark.parametrize(
    ('file', 'loads', 'declared'),
    [
        ('_C.so', True, ['second']),
        ('_C.cpython-311-x86_64-linux-gnu.so', True, ['second']),
        ('_C_stable.abi3.so', True, ['second']),
        ('_C_stable.pyd', True, ['second']),
        ('_C_stable.so', False, ['first', 'second']),
        ('image.so', True, ['first', 'second']),
    ],
)
def test_only_operators_that_did_not_load_are_declared(
    tmp_path, monkeypatch, file, loads, declared
):
    """The library has the first of two operators, if it is one and loads."""
    import torch

    from dynkd.compat import torchvision

    (tmp_path / file).touch()
    operators, defined = types.SimpleNamespace(), []

    def load_library(path):
        assert path == str(tmp_path / file)
        if not loads:
            raise OSError('libcudart.so: cannot open shared object file')
        operators.first = None

    class Library:
        def __init__(self, *args):
            assert args == ('torchvision', 'DEF')

        def define(self, schema):
            defined.append(schema.split('(')[0])

    ops = types.SimpleNamespace(torchvision=operators, load_library=load_library)
    monkeypatch.setattr(torch, 'ops', ops)
    monkeypatch.setattr(torch.library, 'Library', Library)
    monkeypatch.setattr(torch.version, 'cuda', None)
    monkeypatch.setattr(torchvision, '_LIBRARIES', [])
    monkeypatch.setattr(torchvision, '_OPERATORS', ('first', 'second'))
    spec = types.SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    torchvision._declare_missing_operators(spec)
    assert defined == declared


@needs('mmaction', 'mmrazor', 'mmdet', 'mmpretrain', 'joblib', 'ordered_set')
def test_every_library_imports_and_placeholders_say_why():
    out = run(
        'import dynkd\n'
        'import mmrazor.models, mmaction.models, mmpretrain.models, mmdet.models\n'
        'import mmrazor.engine\n'
        'from mmengine.registry import LOOPS, MODELS\n'
        "loss = MODELS.build({'type': 'mmrazor.ABLoss', 'loss_weight': 2.0})\n"
        "assert type(loss).__module__.startswith('mmrazor.models.losses')\n"
        'import torch\n'
        'print(float(loss(torch.zeros(2, 3, 4, 4), torch.ones(2, 3, 4, 4))))\n'
        'for registry, name in (\n'
        "    (MODELS, 'mmaction.DRN'), (MODELS, 'mmrazor.MMArchitectureQuant'),\n"
        "    (MODELS, 'mmrazor.TensorRTQuantizer'), (LOOPS, 'mmrazor.QATValLoop')):\n"
        '    try:\n'
        "        registry.build({'type': name})\n"
        '    except RuntimeError as error:\n'
        '        print(error)\n'
    )
    loss, drn, *razor = out.strip().splitlines()[-5:]
    assert float(loss) > 0
    assert 'DRN is not available' in drn and 'mmaction2' in drn
    assert len(razor) == 3
    assert all('quantization code needs torch 1.13' in line for line in razor)


@pytest.mark.parametrize(
    ('imports', 'torch_has_it', 'needed'),
    [
        ('reverse2, reverse3', False, True),
        ('reverse2, reverse3', True, False),
        ('fuse_conv_bn', False, False),
        (None, False, False),
    ],
)
def test_razor_placeholders_only_where_torch_lacks_what_it_imports(
    tmp_path, monkeypatch, imports, torch_has_it, needed
):
    from torch.ao.quantization import fuser_method_mappings

    from dynkd.compat import mmrazor

    assert not hasattr(fuser_method_mappings, 'reverse2')
    if imports is not None:
        file = tmp_path / mmrazor._USER
        file.parent.mkdir(parents=True)
        file.write_text(f'from torch.ao.quantization import {imports}\n')
    if torch_has_it:
        monkeypatch.setattr(fuser_method_mappings, 'reverse2', None, raising=False)
    spec = types.SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: spec)
    assert mmrazor._needed(None) is needed


@needs('mmcv')
@pytest.mark.parametrize(
    ('package', 'version', 'imported'),
    [
        ('mmaction', '2.3.6', True),
        ('mmseg', '2.3.6', True),
        ('mmrazor', '2.3.6', True),
        ('mmaction', '2.1.0', True),
        ('mmaction', '1.7.0', False),
        ('other', '2.3.6', False),
    ],
)
def test_cap_of_mmcv_is_lifted_while_a_package_is_imported(
    tmp_path, package, version, imported
):
    """A package that asks as MMAction2 does, beside an mmcv of some version."""
    (tmp_path / package).mkdir()
    (tmp_path / package / '__init__.py').write_text(
        'import mmcv\nfrom mmengine.utils import digit_version as v\n'
        "assert v('2.0.0') <= v(mmcv.__version__) < v('2.2.0'), (\n"
        "    f'MMCV=={mmcv.__version__} is used but incompatible. Please ...')\n"
        'seen = mmcv.__version__\n'
    )
    out = run(
        f'import sys\nsys.path.insert(0, {str(tmp_path)!r})\nimport dynkd, mmcv\n'
        f'mmcv.__version__ = {version!r}\n'
        f'try:\n    import {package}\nexcept AssertionError as error:\n'
        '    print(error)\n'
        f'else:\n    print({package}.seen)\nprint(mmcv.__version__)\n'
    )
    first, after = out.strip().splitlines()
    assert after == version
    if imported:
        assert first == '2.1.0'
    else:
        assert first.startswith(f'MMCV=={version} is used but incompatible')


def test_a_real_drn_wins_over_the_placeholder(tmp_path):
    from dynkd.compat import mmaction
    from dynkd.compat.import_hooks import WATCHER

    name = 'mmaction.models.localizers.drn'
    package = tmp_path / 'drn'
    package.mkdir()
    (package / '__init__.py').write_text('')
    (package / 'drn.py').write_text('')
    mmaction.apply()
    assert WATCHER.find_spec(name, [str(tmp_path)]) is None
    assert WATCHER.find_spec(f'{name}.drn', [str(package)]) is None
    assert WATCHER.find_spec(name, [str(tmp_path / 'empty')]) is not None


def test_watcher_calls_around_an_import(tmp_path, monkeypatch):
    from dynkd.compat.import_hooks import ImportWatcher

    code = 'import builtins\nbuiltins.calls.append("module")\n'
    (tmp_path / 'watched_module.py').write_text(code)
    calls = []
    monkeypatch.setattr('builtins.calls', calls, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, 'meta_path', list(sys.meta_path))
    monkeypatch.delitem(sys.modules, 'watched_module', raising=False)
    watcher = ImportWatcher()
    watcher.install()
    watcher.before('watched_module', lambda spec: calls.append(spec.name))
    watcher.after('watched_module', lambda: calls.append('after'))
    importlib.import_module('watched_module')
    assert calls == ['watched_module', 'module', 'after']
    watcher.after('watched_module', lambda: calls.append('late'))
    assert calls[-1] == 'late'
