# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The model inside a wrapper for several processes."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn


def unwrap(model: 'nn.Module') -> Any:
    """Take a model out of its wrapper, if it has one.

    Args:
        model (nn.Module): A model, wrapped for several processes or not.

    Returns:
        nn.Module: The model itself, typed by the caller, who knows its class.
    """
    # MMEngine's models import torch, without which the tools answer `--help`.
    from mmengine.model import is_model_wrapper

    return model.module if is_model_wrapper(model) else model


def distillation_in(model: 'nn.Module') -> Any:
    """The distillation of a run, also inside of a model for test-time augmentation.

    Args:
        model (nn.Module): The model of the runner.

    Returns:
        nn.Module: The distillation, or whatever model it is.
    """
    from mmengine.model import BaseTTAModel

    model = unwrap(model)
    if isinstance(model, BaseTTAModel) and hasattr(model.module, 'all_streams'):
        return model.module
    return model
