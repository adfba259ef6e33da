# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The stacks that DynKD is tested with: ``nox --list``, ``nox -s 'suite(py312)'``.

Each session makes an environment of the pinned versions by ``make env``, since MMCV is
compiled and kept in a cache. The default stack runs the whole suite, the others its
reduced part. Arguments behind ``--`` go to pytest. Where a Python is not found, its
session is skipped.
"""

import shlex
import shutil

import nox

nox.options.default_venv_backend = 'none'

#: Python and libraries; the first is the default stack.
STACKS = {
    'py311': ('3.11', 'openmmlab'),
    'py312': ('3.12', 'openmmlab'),
    'py313': ('3.13', 'openmmlab'),
    'onedl': ('3.11', 'onedl'),
}


def make(session: nox.Session, name: str, *targets: str) -> None:
    """Run make in a stack's environment."""
    version, stack = STACKS[name]
    python = shutil.which(f'python{version}')
    if python is None:
        session.skip(f'there is no python{version} on the PATH')
    where = (f'VENV=.venv-{name}', f'PYTHON={python}', f'STACK={stack}')
    words = shlex.join(session.posargs)
    arguments = [f'PYTEST_ARGS={words}'] if words else []
    session.run('make', *targets, *where, *arguments, external=True)


@nox.session
@nox.parametrize('stack', [nox.param(name, id=name) for name in STACKS])
def suite(session: nox.Session, stack: str) -> None:
    """Run the test suite on one of the stacks."""
    make(session, stack, 'test' if stack == 'py311' else 'test-reduced')


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, types and spelling."""
    make(session, 'py311', 'lint')
