# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The model inside a wrapper for several processes."""

from typing import Any

import torch.nn as nn
from mmengine.model import is_model_wrapper


def unwrap(model: nn.Module) -> Any:
    """Take a model out of its wrapper, if it has one.

    Args:
        model (nn.Module): A model, wrapped for several processes or not.

    Returns:
        nn.Module: The model itself, typed by the caller, who knows its class.
    """
    return model.module if is_model_wrapper(model) else model
