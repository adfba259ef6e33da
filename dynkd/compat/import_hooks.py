# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Work that waits until a package is imported.

The packages that need a repair are large (torch takes several times as long to import
as MMEngine, which leaves it until it is needed), and most runs use only some of them.
So nothing is imported to be repaired: a finder at the head of ``sys.meta_path`` notices
when somebody else imports the package and does the work then.
"""

import functools
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any, Callable, Optional

from .placeholders import PlaceholderLoader, PlaceholderModule

Path = Optional[Sequence[str]]
Spec = importlib.machinery.ModuleSpec
#: Returns the context in which an import that failed works, None if there is none.
Mend = Callable[[Exception], Optional[AbstractContextManager]]


class ImportWatcher(importlib.abc.MetaPathFinder):
    """Runs callbacks around imports and serves placeholder modules.

    It finds nothing by itself except placeholders: every other module is found by the
    finders that were there before.
    """

    def __init__(self) -> None:
        self._before: dict[str, list[Callable[[Spec], None]]] = defaultdict(list)
        self._after: dict[str, list[Callable[[], None]]] = defaultdict(list)
        self._mends: dict[str, Mend] = {}
        self._placeholders: dict[str, PlaceholderModule] = {}
        #: What was done so far, for `dynkd doctor`.
        self.acted: list[str] = []

    def install(self) -> None:
        """Puts the watcher at the head of ``sys.meta_path``, once."""
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def before(self, name: str, callback: Callable[[Spec], None]) -> None:
        """Calls ``callback(spec)`` just before the module ``name`` is executed.

        A module that is imported already needs no help: nothing is called.

        Args:
            name (str): The module's full name.
            callback (Callable): Gets the module's spec. Called again if the import is
                tried again, so it must be harmless the second time.
        """
        if callback not in self._before[name]:
            self._before[name].append(callback)

    def after(self, name: str, callback: Callable[[], None]) -> None:
        """Calls ``callback()`` as soon as the module ``name`` is there: now, or later.

        Args:
            name (str): The module's full name.
            callback (Callable): Called without arguments.
        """
        if callback in self._after[name]:
            return
        self._after[name].append(callback)
        if _is_imported(name):
            callback()

    def try_again(self, name: str, mend: Mend) -> None:
        """Executes the module ``name`` once more if it raises what can be mended.

        Args:
            name (str): The module's full name.
            mend (Callable): Gets the exception, and returns the context manager in
                which the second try is made, or None: the exception is raised then.
        """
        self._mends[name] = mend

    def serve(self, placeholder: PlaceholderModule) -> None:
        """Serves a placeholder to whoever imports the module that it stands for.

        Args:
            placeholder (PlaceholderModule): Also says when it is needed.
        """
        self._placeholders[placeholder.name] = placeholder

    def find_spec(
        self, fullname: str, path: Path, target: Optional[ModuleType] = None
    ) -> Optional[Spec]:
        """Part of the import protocol, see :class:`importlib.abc.MetaPathFinder`."""
        placeholder = self._placeholders.get(fullname)
        if placeholder is not None and placeholder.needed(path):
            self.acted.append(f'{fullname}: a placeholder stands in for it')
            loader = PlaceholderLoader(placeholder)
            return importlib.util.spec_from_loader(fullname, loader, is_package=True)
        watched = (self._before, self._after, self._mends)
        if not any(callbacks.get(fullname) for callbacks in watched):
            return None
        spec = self._found_by_others(fullname, path, target)
        if spec is not None and spec.loader is not None:
            self._wrap(spec)
        return spec

    def _found_by_others(
        self, fullname: str, path: Path, target: Optional[ModuleType]
    ) -> Optional[Spec]:
        for finder in sys.meta_path:
            if finder is self or not hasattr(finder, 'find_spec'):
                continue
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                return spec
        return None

    def _wrap(self, spec: Spec) -> None:
        """Makes the spec's own loader call back; its class stays what tools expect."""
        loader: Any = spec.loader
        execute = loader.exec_module

        @functools.wraps(execute)
        def exec_module(module: ModuleType) -> None:
            for before in self._before.get(spec.name, ()):
                before(spec)
            try:
                execute(module)
            except Exception as error:
                mend = self._mends.get(spec.name)
                context = mend(error) if mend else None
                if context is None:
                    raise
                self.acted.append(f'{spec.name}: imported as beside an older mmcv')
                with context:
                    execute(module)
            for after in self._after.get(spec.name, ()):
                after()

        loader.exec_module = exec_module


def _is_imported(name: str) -> bool:
    spec = getattr(sys.modules.get(name), '__spec__', None)
    return spec is not None and not getattr(spec, '_initializing', False)


#: The watcher that :func:`dynkd.compat.apply` installs.
WATCHER = ImportWatcher()
