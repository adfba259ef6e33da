# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What a tool shows on the screen when a run begins: not what is for the log."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

#: How those messages begin that are for the log: hundreds of lines.
_FOR_THE_LOG = (
    'System environment',
    'Config:\n',
    'Hooks will be executed',
    'paramwise_options -- ',
)
#: How far into a message its beginning may be, after a line of dashes.
_BEGINNING = 120


class ShortConsole(logging.Filter):
    """Keeps environment, config, hooks and each parameter's options off the screen."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to show a message.

        Args:
            record (LogRecord): The message.

        Returns:
            bool: Whether it is for the screen.
        """
        beginning = record.getMessage()[:_BEGINNING]
        return not any(own in beginning for own in _FOR_THE_LOG)


@contextmanager
def short_start(runner: type) -> Iterator[None]:
    """Build runners that keep what is for the log off the screen.

    Args:
        runner (type): The class of the runner.
    """
    build = runner.build_logger  # type: ignore[attr-defined]  # MMEngine's runner

    @wraps(build)
    def shortened(self: Any, *args: Any, **kwargs: Any) -> logging.Logger:
        logger = build(self, *args, **kwargs)
        files = [own for own in logger.handlers if isinstance(own, logging.FileHandler)]
        for handler in logger.handlers:
            if files and handler not in files:
                handler.addFilter(ShortConsole())
        if files:
            logger.info(f'Environment, config and hooks: {files[0].baseFilename}')
        return logger

    runner.build_logger = shortened  # type: ignore[attr-defined]
    try:
        yield
    finally:
        runner.build_logger = build  # type: ignore[attr-defined]


def silence_known_warnings() -> None:
    """Silence a warning of packages that cannot be mended, at each start of a tool."""
    # MMEngine and MMCV use it; setuptools, which has it, is pinned for that.
    warnings.filterwarnings('ignore', message='pkg_resources is deprecated')
