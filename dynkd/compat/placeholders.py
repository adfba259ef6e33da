# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Modules that replace broken or missing ones of released packages."""

import importlib
import importlib.abc
import importlib.machinery
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Callable, Optional


@dataclass(frozen=True)
class PlaceholderModule:
    """A module whose classes exist, can be subclassed, and refuse to be instantiated.

    Args:
        name (str): Full name of the module that it stands for.
        reason (str): Why the real one is missing and what to do, for the error message.
        needed (Callable): Gets the parent package's search path, and says whether the
            placeholder is needed there.
        classes (Sequence[str]): Names that the module offers. Defaults to none.
        registry (str): ``'package.module:REGISTRY'`` that the classes are registered
            in, so that a config that names one gets the reason too. Defaults to '',
            none.
    """

    name: str
    reason: str
    needed: Callable[[Optional[Sequence[str]]], bool]
    classes: Sequence[str] = ()
    registry: str = ''


class PlaceholderLoader(importlib.abc.Loader):
    """Fills a placeholder module.

    Args:
        placeholder (PlaceholderModule): What to put into it.
    """

    def __init__(self, placeholder: PlaceholderModule) -> None:
        self.placeholder = placeholder

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        """Leaves the creation to the import system."""

    def exec_module(self, module: ModuleType) -> None:
        """Defines the placeholder's names, and registers its classes.

        Args:
            module (ModuleType): The new, empty module.
        """
        placeholder = self.placeholder
        module.__doc__ = placeholder.reason
        module.__dict__['__all__'] = [*placeholder.classes]
        for name in placeholder.classes:
            cls = unavailable_class(name, placeholder.name, placeholder.reason)
            setattr(module, name, cls)
            if placeholder.registry:
                _register(cls, placeholder.registry)


def unavailable_class(name: str, module: str, reason: str) -> type:
    """Makes a class that raises when it is instantiated.

    Args:
        name (str): The class' name.
        module (str): Full name of the module that it belongs to.
        reason (str): The error's text after "``name`` is not available: ".

    Returns:
        type: The class. Its constructor raises RuntimeError.
    """

    def __init__(self: Any, *args: object, **kwargs: object) -> None:
        raise RuntimeError(f'{module}.{name} is not available: {reason}')

    return type(name, (), {'__init__': __init__, '__module__': module})


def _register(cls: type, registry: str) -> None:
    module, name = registry.split(':')
    getattr(importlib.import_module(module), name).register_module(module=cls)
