# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""mmcv's sources, and what makes them compile quickly and with newer versions of torch.

All of mmcv's C++ files include the same header of torch's, which takes a compiler far
longer than the rest of the file. It is compiled once, into a precompiled header. GCC
takes that only if the flags of header and file agree, and ignores it silently if not:
so it is tried before, and the build is a plain one where it does not act.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import tarfile
from pathlib import Path

from console import SetupError, run_logged

#: They replace what Python itself was compiled with. Without ``-g``, the wheel has a
#: twentieth of the size.
FLAGS = ('-fwrapv', '-O3', '-Wall', '-DNDEBUG', '-g0')
# What torch adds to them when it compiles an extension of this name.
_TORCH = ('-fPIC', '-DTORCH_API_INCLUDE_EXTENSION_H', '-DTORCH_EXTENSION_NAME=_ext')
_PREFIX = 'mmcv_prefix.hpp'
_COMMON = '#include "pytorch_cpp_helper.hpp"\n'
# mmcv's setup.py reads its version into its local variables, which Python 3.13 does not
# allow (PEP 667).
_VERSION = (
    ("exec(compile(f.read(), version_file, 'exec'))", 'exec(f.read(), globals())'),
    ("return locals()['__version__']", "return globals()['__version__']"),
)
#: mmcv's setup.py has the first; the headers of torch 2.14 demand the second.
_STANDARDS = ('-std=c++17', '-std=c++20')
_INCLUDES = (
    'import sysconfig\nfrom torch.utils.cpp_extension import include_paths\n'
    'print(*include_paths(), sysconfig.get_paths()["include"], sep="\\n")'
)


def unpack(archive: Path) -> Path:
    """Unpack a source distribution beside itself, and mend its ``setup.py``.

    Args:
        archive (Path): The ``.tar.gz``.

    Returns:
        Path: The folder that it holds.
    """
    safely = {'filter': 'data'} if hasattr(tarfile, 'data_filter') else {}
    with tarfile.open(archive) as file:
        file.extractall(archive.parent, **safely)
    source = archive.parent / archive.name.removesuffix('.tar.gz')
    setup = source / 'setup.py'
    text = setup.read_text()
    for old, new in _VERSION:
        text = text.replace(old, new)
    setup.write_text(text)
    return source


class Compiler:
    """Compiles mmcv's files as the build will.

    Args:
        python (Path): Python of an environment that holds torch.
        source (Path): mmcv's sources.
        env (dict[str, str]): Environment variables of the build; ``CXX`` is among them.
        log (Path): File for what the compiler says.
        lock (int): File descriptor that long commands hold.
    """

    def __init__(
        self, python: Path, source: Path, env: dict, log: Path, lock: int
    ) -> None:
        self.source, self.env, self.log, self.lock = source, env, log, lock
        out = subprocess.run(
            [str(python), '-c', _INCLUDES], capture_output=True, text=True, env=env
        )
        if out.returncode:
            reason = (out.stderr.strip().splitlines() or ['no message'])[-1]
            raise SetupError(f'torch does not tell where its headers are: {reason}')
        folders = [source / 'mmcv' / 'ops' / 'csrc' / 'common', *out.stdout.split('\n')]
        includes = [f'-I{folder}' for folder in folders if folder]
        #: What replaces Python's own, and what the user adds.
        self.flags = [*FLAGS, *shlex.split(env.get('CFLAGS', ''))]
        more = [*shlex.split(env.get('CPPFLAGS', '')), *_TORCH, *includes]
        self.command = [*shlex.split(env['CXX']), *self.flags, *more]

    def set_standard(self) -> str:
        """Choose the C++ standard that torch's headers accept, in ``setup.py`` too.

        Returns:
            str: The compiler's option for it.
        """
        prefix = self.source / _PREFIX
        prefix.write_text(_COMMON)
        accepted = (
            s for s in _STANDARDS if self._run('-E', s, str(prefix)).returncode == 0
        )
        # If none does, the build fails, and says why.
        standard = next(accepted, _STANDARDS[0])
        setup = self.source / 'setup.py'
        setup.write_text(setup.read_text().replace(_STANDARDS[0], standard))
        return standard

    def precompile(self, standard: str) -> list[str]:
        """Make the precompiled header.

        Args:
            standard (str): The option for the C++ standard.

        Returns:
            list[str]: Options with which a file uses it. None of them if this compiler
            does not.
        """
        folder = self.source.parent / 'header'
        folder.mkdir()
        prefix = folder / _PREFIX
        prefix.write_text(_COMMON)
        header = ['-w', standard, '-x', 'c++-header', str(prefix)]
        try:
            run_logged(
                [*self.command, *header, '-o', f'{prefix}.gch'],
                self.log,
                "compiling torch's headers",
                self.env,
                (self.lock,),
            )
        except SetupError:
            acts = False
        else:
            probe = folder / 'probe.cpp'
            probe.write_text(_COMMON)
            use = [f'-I{folder}', '-include', _PREFIX, '-Winvalid-pch']
            tried = self._run('-H', '-fsyntax-only', standard, *use, str(probe))
            # GCC lists the headers that it reads, a precompiled one behind a mark.
            acts = tried.returncode == 0 and f'! {prefix}.gch' in tried.stderr
        if not acts:
            shutil.rmtree(folder)
            return []
        return use

    def _run(self, *options: str) -> subprocess.CompletedProcess:
        """Run the compiler for a moment; what it says is in ``stderr``."""
        return subprocess.run(
            [*self.command, *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors='replace',
            env=self.env,
        )
