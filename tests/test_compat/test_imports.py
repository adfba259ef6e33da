# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Each test imports in a process of its own: what was imported before would decide."""

import importlib.util
import subprocess
import sys

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
        f'print([m for m in {large + ("mmrazor", "sklearn")} '
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


@needs('torchvision')
def test_torchvision_whose_operators_load_is_left_alone(monkeypatch):
    import torch

    from dynkd.compat import torchvision

    defined = []
    monkeypatch.setattr(torchvision, '_LIBRARIES', [])
    monkeypatch.setattr(torchvision, '_operators_load', lambda spec: True)
    monkeypatch.setattr(torch.library, 'Library', lambda *a: defined.append(a))
    torchvision._declare_missing_operators(importlib.util.find_spec('torchvision'))
    assert defined == [] and torchvision._LIBRARIES == []


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


@needs('mmrazor')
@pytest.mark.parametrize(
    ('razor', 'torch', 'needed'),
    [
        ('1.0.0', '2.13.0+cpu', True),
        ('1.0.0', '1.13.1', False),
        ('1.1.0', '2.1', False),
    ],
)
def test_razor_placeholders_only_for_the_release_that_needs_them(
    monkeypatch, razor, torch, needed
):
    from dynkd.compat import mmrazor

    versions = {'mmrazor': razor, 'torch': torch}
    monkeypatch.setattr(mmrazor, 'version', versions.__getitem__)
    assert mmrazor._needed(None) is needed


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
