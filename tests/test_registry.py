# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import subprocess
import sys

import pytest
from mmengine.registry import MODELS as ROOT
from mmengine.registry import DefaultScope

from dynkd.registry import (
    FUNCTIONS,
    HOOKS,
    LOOPS,
    MODELS,
    OPTIM_WRAPPER_CONSTRUCTORS,
    SCHEDULES,
)

HEAVY = (
    'mmdet',
    'mmpretrain',
    'mmaction',
    'mmrazor',
    'mmseg',
    'torchvision',
    'geomloss',
    'mmcv',
)


@pytest.mark.parametrize(
    'code',
    [
        'import dynkd',
        'import dynkd.registry',
        # What a data loader's worker or a schedule needs is as little.
        'import dynkd; dynkd.registry.FUNCTIONS.get("seed_worker")',
        'import dynkd; dynkd.registry.SCHEDULES.get("LinearSchedule")',
    ],
)
def test_import_is_quick(code):
    """No library of models is imported before a config names one of its models."""
    script = (
        f'{code}\nimport sys\n'
        f'print(*[name for name in {HEAVY!r} if name in sys.modules])'
    )
    done = subprocess.run(
        [sys.executable, '-c', script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


@pytest.mark.parametrize(
    ('registry', 'names'),
    [
        (
            MODELS,
            ['Distillation', 'EMDLoss', 'KLDLoss', 'FeatureLoss', 'ChannelAligner'],
        ),
        (HOOKS, ['ExactResumeHook', 'ExportHook']),
        (LOOPS, ['StreamValLoop', 'StreamTestLoop']),
        (OPTIM_WRAPPER_CONSTRUCTORS, ['StreamOptimWrapperConstructor']),
        (SCHEDULES, ['ConstantSchedule', 'LinearSchedule', 'CosineSchedule']),
        (FUNCTIONS, ['seed_worker']),
    ],
)
def test_names_are_found_without_further_imports(registry, names):
    for name in names:
        found = registry.get(name)
        assert found is not None and found.__name__ == name
        assert found.__doc__


@pytest.mark.parametrize('scope', ['mmdet', 'mmpretrain', 'mmaction', 'mmseg'])
def test_found_from_any_library_by_prefix(scope):
    pytest.importorskip(scope)
    DefaultScope.get_instance('run', scope_name=scope)
    with ROOT.switch_scope_and_registry(None) as registry:
        assert registry.get('dynkd.KLDLoss').__name__ == 'KLDLoss'
        assert registry.get('KLDLoss') is not MODELS.get('KLDLoss')
