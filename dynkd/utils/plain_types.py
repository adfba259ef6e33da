# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Converting values to types that JSON supports."""

from typing import Any


def plain_types(value: Any) -> Any:
    """Convert a value to types that JSON supports and that load without running code.

    Args:
        value (Any): A value, such as meta information or metrics.

    Returns:
        Any: The same of dicts, lists, numbers and strings: tensors and arrays as
        (nested) lists or numbers, what is of another kind as its string.
    """
    if isinstance(value, dict):
        return {str(k): plain_types(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain_types(item) for item in value]
    if hasattr(value, 'tolist'):
        return value.tolist()
    plain = value is None or isinstance(value, (str, int, float, bool))
    return value if plain else str(value)
