# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""How programs end: with a status, and errors in one line.

It stands beside the packages, as nothing but Python is imported for it: a converter of
a data set starts without torch.
"""

import functools
import sys
from typing import Any, Callable

#: Receives the words of the command line (None: the program's own).
Main = Callable[..., int]


def reports_errors(
    name: str, *errors: type[Exception], status: int = 1
) -> Callable[[Main], Main]:
    """Make a program's main function report errors in one line, with a status.

    Args:
        name (str): Name of the program, which begins the line.
        *errors (type): The errors to report. Others are bugs and are raised.
        status (int): The status then. Defaults to 1.

    Returns:
        Callable: A decorator of the main function, which returns the exit status.
    """

    def decorate(main: Main) -> Main:
        @functools.wraps(main)
        def run(*args: Any, **kwargs: Any) -> int:
            try:
                return main(*args, **kwargs)
            except errors as error:
                print(f'{name}: {error}', file=sys.stderr)
                return status

        return run

    return decorate
