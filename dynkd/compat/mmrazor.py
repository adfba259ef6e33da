# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""MMRazor's quantization code on torch >= 2.

Needed by: mmrazor 1.0.0, its last release, with torch 2.0 or newer.

Why: its quantization package uses parts of ``torch.ao.quantization`` that torch 2.0
removed (``reverse2`` and others), and fails while it is imported. ``import
mmrazor.models`` imports it, so nothing of MMRazor can be used, and the error asks for
``torch>=1.13``, which is installed.

Cure: placeholders for the quantization modules. Distillers, losses, pruning and
architecture search import and work; a quantization class that a config names raises an
error that says why it is not available.

Its ``KDSoftCELoss`` calls a function of MMClassification, whose successor is MMPretrain
1: that has the same function, which takes its place where MMClassification is missing.

MMRazor also needs ``joblib``, ``scikit-learn`` and ``ordered-set``, which it does not
declare: DynKD's ``razor`` extra does.
"""

import importlib.util
import inspect
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Optional

from .import_hooks import WATCHER
from .placeholders import PlaceholderModule

_REASON = (
    "mmrazor 1.0.0's quantization code needs torch 1.13, and a newer torch is "
    'installed. The rest of MMRazor works.'
)
#: A function that torch 2.0 removed, and the file of MMRazor that imports it.
_GONE = 'reverse2'
_USER = 'structures/quantization/backend_config/common_operator_config_utils.py'
_MODELS = 'mmrazor.registry:MODELS'
_LOOPS = 'mmrazor.registry:LOOPS'
#: Where ``KDSoftCELoss`` is.
_SOFT = 'mmrazor.models.losses.kd_soft_ce_loss'

#: Module, the registry that its classes are in, the classes.
_QUANTIZATION = (
    ('mmrazor.structures.quantization', '', ('BackendConfigs', 'QConfigHandler')),
    (
        'mmrazor.models.algorithms.quantization',
        _MODELS,
        ('MMArchitectureQuant', 'MMArchitectureQuantDDP'),
    ),
    (
        'mmrazor.models.quantizers',
        _MODELS,
        (
            'AcademicQuantizer',
            'BaseQuantizer',
            'OpenVINOQuantizer',
            'TensorRTQuantizer',
            'TorchNativeQuantizer',
        ),
    ),
    (
        'mmrazor.models.fake_quants',
        _MODELS,
        ('BaseFakeQuantize', 'LearnableFakeQuantize'),
    ),
    (
        'mmrazor.models.observers',
        _MODELS,
        ('BaseObserver', 'LSQObserver', 'LSQPerChannelObserver'),
    ),
    (
        'mmrazor.engine.runner.quantization_loops',
        _LOOPS,
        ('LSQEpochBasedLoop', 'PTQLoop', 'QATEpochBasedLoop', 'QATValLoop'),
    ),
)


def apply() -> None:
    """Serves placeholders when MMRazor is imported."""
    for name, registry, classes in _QUANTIZATION:
        WATCHER.serve(PlaceholderModule(name, _REASON, _needed, classes, registry))
    WATCHER.after(_SOFT, _lend_soft_cross_entropy)


def _lend_soft_cross_entropy() -> None:
    """Give ``KDSoftCELoss`` the function of MMPretrain, where there is one."""
    module: Any = sys.modules[_SOFT]
    if inspect.isfunction(module.soft_cross_entropy):
        return
    if importlib.util.find_spec('mmpretrain') is not None:
        name = 'mmpretrain.models.losses.cross_entropy_loss'
        losses: Any = importlib.import_module(name)
        module.soft_cross_entropy = losses.soft_cross_entropy


def _needed(path: Optional[Sequence[str]]) -> bool:
    """Whether MMRazor asks torch for something that it no longer has."""
    razor = importlib.util.find_spec('mmrazor')
    folders = (razor and razor.submodule_search_locations) or ()
    files = [Path(folder, _USER) for folder in folders]
    if not any(file.is_file() and _GONE in file.read_text() for file in files):
        return False
    try:
        from torch.ao.quantization import fuser_method_mappings
    except ImportError:
        return True
    return not hasattr(fuser_method_mappings, _GONE)
