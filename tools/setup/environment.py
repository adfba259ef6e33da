# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Create the pinned environment, or complete one that was interrupted.

Every step may be killed at any time: packages that pip left half-installed are found
and redone, and the stamp that makes later runs instant is written last.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import machine
import mmcv_wheel
from console import SetupError, run_logged, say

ROOT = Path(__file__).resolve().parents[2]
PINNED = ROOT / 'requirements' / 'pinned'
STAMP = '.dynkd-environment.json'
# Variables that would send pip elsewhere or put foreign packages in its way.
_UNWANTED = ('PYTHONPATH', 'PYTHONHOME', 'PIP_USER', 'PIP_TARGET', 'PIP_PREFIX')


def read_pins(name: str) -> dict[str, str]:
    """Read a file of pinned versions.

    Args:
        name (str): Its name in ``requirements/pinned``.

    Returns:
        dict[str, str]: Version by package name, normalised as the index does.
    """
    pins = {}
    for line in (PINNED / name).read_text().splitlines():
        line = line.split('#')[0].strip()
        if line:
            package, version = line.split('==')
            pins[re.sub(r'[-_.]+', '-', package).lower()] = version
    return pins


class Environment:
    """A virtual environment with the pinned versions.

    Args:
        folder (Path): Where it is or will be.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.python = self.folder / 'bin' / 'python'
        self.stamp = self.folder / STAMP
        self.env = {k: v for k, v in os.environ.items() if k not in _UNWANTED}
        self.env.update(PIP_DISABLE_PIP_VERSION_CHECK='1', PYTHONNOUSERSITE='1')
        # torch looks for ninja there; without it mmcv is compiled on one processor.
        self.env['PATH'] = f'{self.python.parent}{os.pathsep}{os.environ["PATH"]}'
        name = hashlib.sha256(str(self.folder).encode()).hexdigest()[:16]
        self.logs = mmcv_wheel.cache_root() / 'logs' / name
        self.lock_file = mmcv_wheel.cache_root() / 'locks' / name
        self.lock = -1

    def wanted(self) -> dict[str, str]:
        """Return what identifies a finished environment.

        Returns:
            dict[str, str]: Hash of the requirement and packaging files, Python, clone.
        """
        digest = hashlib.sha256()
        for path in (*sorted(PINNED.glob('*.txt')), ROOT / 'setup.py'):
            digest.update(path.name.encode() + path.read_bytes())
        python = '{}.{}.{}'.format(*sys.version_info)
        return dict(files=digest.hexdigest(), python=python, clone=str(ROOT))

    def ready(self) -> bool:
        """Return whether the environment is finished and up to date."""
        try:
            return (
                json.loads(self.stamp.read_text()) == self.wanted()
                and self.python.exists()
            )
        except (OSError, ValueError):
            return False

    def site_packages(self) -> Path:
        """Return the folder that packages are installed to."""
        name = 'python{}.{}'.format(*sys.version_info)
        return self.folder / 'lib' / name / 'site-packages'

    def broken_packages(self) -> Iterator[Path]:
        """Yield the metadata folders of packages that pip did not finish.

        pip replaces the wheel's own ``RECORD`` last, by one that lists ``INSTALLER``.
        """
        for info in self.site_packages().glob('*.dist-info'):
            record = info / 'RECORD'
            if not record.exists() or '/INSTALLER,' not in record.read_text():
                yield info

    def pip(self, label: str, *arguments: str) -> None:
        """Run ``pip install`` in the environment.

        Args:
            label (str): What it does.
            *arguments (str): Its arguments.
        """
        log = self.logs / f'{label.replace(" ", "-")}.log'
        command = [str(self.python), '-m', 'pip', 'install', *arguments]
        run_logged(command, log, label, self.env, (self.lock,))

    # The steps, in their order.

    def check_machine(self) -> None:
        """Check everything that can be known to be missing before the long steps."""
        owned = (self.folder / 'pyvenv.cfg').exists() or self.stamp.exists()
        if self.folder.exists() and any(self.folder.iterdir()) and not owned:
            raise SetupError(
                f'{self.folder} exists and is no virtual environment: choose another '
                'place with VENV=/path'
            )
        needed = machine.ENVIRONMENT_GIB - machine.size_gib(self.folder)
        needed = max(machine.MARGIN_GIB, needed)
        machine.check_disk(self.folder, needed, 'the environment')
        cached = mmcv_wheel.wheel_folder(read_pins('torch.txt')['torch'])
        if mmcv_wheel.find_wheel(cached, read_pins('mmcv.txt')['mmcv']) is None:
            machine.compiler_variables()

    def create(self) -> None:
        """Create the virtual environment, or clear away what was left half-done."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.stamp.write_text('unfinished')
        # `~name` is what pip was taking out when it was killed: parts may be missing.
        torn = any(self.site_packages().glob('~*'))
        if torn or not self._has_pip():
            say(f'      creating {self.folder}')
            for path in self.folder.iterdir():
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                elif (
                    path != self.stamp
                ):  # by which an unfinished folder is known as ours
                    path.unlink()
            command = [sys.executable, '-m', 'venv', str(self.folder)]
            log = self.logs / 'venv.log'
            run_logged(command, log, 'creating the environment', self.env, (self.lock,))
        for info in list(self.broken_packages()):
            say(f'      {info.stem} was interrupted: it is installed again')
            shutil.rmtree(info)
        self.pip('build tools', '-r', str(PINNED / 'build.txt'))

    def _has_pip(self) -> bool:
        """Return whether Python and pip work and are of the right version."""
        probe = 'import pip._internal.cli.main, sys; print(sys.version_info[:3])'
        try:
            command = [str(self.python), '-c', probe]
            out = subprocess.run(command, capture_output=True, text=True, env=self.env)
        except OSError:
            return False
        return out.stdout.strip() == str(sys.version_info[:3])

    def install_torch(self) -> None:
        """Install torch with its dependencies."""
        constraints = ['-c', str(PINNED / 'build.txt')]
        self.pip('torch', '-r', str(PINNED / 'torch.txt'), *constraints)

    def install_mmcv(self) -> None:
        """Build mmcv or take it from the cache, and install it."""
        torch = read_pins('torch.txt')['torch']
        version = read_pins('mmcv.txt')['mmcv']
        wheel = mmcv_wheel.ensure_wheel(self.python, torch, version, self.env)
        origin = self.site_packages() / f'mmcv-{version}.dist-info' / 'direct_url.json'
        same = (
            origin.exists() and json.loads(origin.read_text())['url'] == wheel.as_uri()
        )
        force = [] if same else ['--force-reinstall']
        self.pip('mmcv', '--no-deps', *force, str(wheel))

    def install_packages(self) -> None:
        """Install everything else, without resolving anything."""
        self.pip('packages', '--no-deps', '-r', str(PINNED / 'packages.txt'))

    def install_dynkd(self) -> None:
        """Install DynKD itself, editable, and check the result."""
        options = ('--no-deps', '--no-build-isolation')
        self.pip('dynkd', *options, '-e', str(ROOT))
        pins = {}
        for path in PINNED.glob('*.txt'):
            pins.update(read_pins(path.name))
        probe = (
            'import json, sys\nfrom importlib.metadata import version\n'
            'pins = json.loads(sys.argv[1])\n'
            'wrong = [f"{p} {version(p)} is not {v}" for p, v in pins.items()'
            ' if version(p).split("+")[0] != v]\n'
            'if wrong: sys.exit("; ".join(wrong))\n'
            'import mmcv.ops\n'
        )
        command = [str(self.python), '-c', probe, json.dumps(pins)]
        out = subprocess.run(command, capture_output=True, text=True, env=self.env)
        if out.returncode:
            reason = (out.stderr.strip().splitlines() or ['no message'])[-1]
            folder = mmcv_wheel.wheel_folder(pins['torch'])
            raise SetupError(
                f'the environment does not work: {reason} (if it is mmcv that does not '
                f'load, delete {folder} and start again: it is then compiled anew)'
            )

    def make(self) -> None:
        """Run all steps and write the stamp."""
        steps = (
            ('checking the machine', self.check_machine),
            ('virtual environment and build tools', self.create),
            ('torch', self.install_torch),
            ('mmcv with ops', self.install_mmcv),
            ('OpenMMLab and all other packages', self.install_packages),
            ('DynKD', self.install_dynkd),
        )
        for number, (title, step) in enumerate(steps, 1):
            say(f'[{number}/{len(steps)}] {title}')
            step()
        partial = self.stamp.with_suffix('.tmp')
        partial.write_text(json.dumps(self.wanted()))
        os.replace(partial, self.stamp)
        say(f'The environment is ready: {self.folder}')


def ensure(environment: Environment) -> None:
    """Make an environment unless it is there, one process at a time.

    Args:
        environment (Environment): The environment.
    """
    if environment.ready():
        return
    machine.check_python()
    machine.check_disk(mmcv_wheel.cache_root(), machine.MARGIN_GIB, 'the cache')
    what = str(environment.folder)
    with mmcv_wheel.locked(environment.lock_file, what) as environment.lock:
        if not environment.ready():
            environment.make()


def _end(number: int, frame: object) -> None:
    """Turn a signal to end into an exception, so that child processes are ended too."""
    sys.exit(128 + number)


def main() -> int:
    """Run from the command line.

    Returns:
        int: The exit status.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--venv', type=Path, default=Path('.venv'), help='its folder')
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, _end)
    try:
        ensure(Environment(arguments.venv))
    except SetupError as error:
        print(f'dynkd: {error}', file=sys.stderr)
        return 1
    except OSError as error:
        print(f'dynkd: {error.strerror}: {error.filename}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('dynkd: interrupted; the same command goes on from here', file=sys.stderr)
        return 130
    return 0


if __name__ == '__main__':
    sys.exit(main())
