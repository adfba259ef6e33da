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
import shutil
import signal
import sys
from pathlib import Path

import installed
import machine
import mmcv_wheel
import pins
from console import Background, SetupError, run_logged, say
from pins import PINNED, ROOT

STAMP = '.dynkd-environment.json'
_DOWNLOADS = '.downloads'
# Variables that would send pip elsewhere or put foreign packages in its way.
_UNWANTED = ('PYTHONPATH', 'PYTHONHOME', 'PIP_USER', 'PIP_TARGET', 'PIP_PREFIX')


class Environment:
    """A virtual environment with the pinned versions.

    Args:
        folder (Path): Where it is or will be.
        stack (str): Whose libraries it holds, one of :data:`pins.STACKS`. Defaults to
            '': those that it holds already, else OpenMMLab's.
    """

    def __init__(self, folder: Path, stack: str = '') -> None:
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
        self.stack = stack or self._stamped().get('stack', 'openmmlab')
        #: Whether mmcv has its ops, which take a compiler.
        self.ops = True
        self.downloads: Background | None = None

    def _stamped(self) -> dict:
        """Return what the stamp says, nothing if there is none."""
        try:
            return dict(json.loads(self.stamp.read_text()))
        except (OSError, ValueError):
            return {}

    def wanted(self) -> dict[str, str]:
        """Return what identifies a finished environment.

        Returns:
            dict[str, str]: Hash of the requirement and packaging files, Python, clone,
            stack.
        """
        digest = hashlib.sha256()
        for path in (*sorted(PINNED.glob('*.txt')), ROOT / 'setup.py'):
            digest.update(path.name.encode() + path.read_bytes())
        python = '{}.{}.{}'.format(*sys.version_info)
        found = dict(files=digest.hexdigest(), python=python, clone=str(ROOT))
        return dict(found, stack=self.stack)

    def ready(self) -> bool:
        """Return whether the environment is finished and up to date."""
        stamped = self._stamped()
        ops = stamped.pop('ops', None)
        if stamped != self.wanted() or not self.python.exists():
            return False
        # Where a compiler has come since, mmcv gets its ops.
        return bool(ops) or machine.missing_compiler() is not None

    def site_packages(self) -> Path:
        """Return the folder that packages are installed to."""
        name = 'python{}.{}'.format(*sys.version_info)
        return self.folder / 'lib' / name / 'site-packages'

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
                f'{self.folder} exists and is not a virtual environment: choose '
                'another place with VENV=/path'
            )
        needed = machine.ENVIRONMENT_GIB - machine.size_gib(self.folder)
        needed = max(machine.MARGIN_GIB, needed)
        machine.check_disk(self.folder, needed, 'the environment')
        missing = machine.missing_compiler()
        name = pins.STACKS[self.stack]
        version = pins.stack_pins(self.stack)[name]
        cached = mmcv_wheel.wheel_folder(pins.read_pins('torch.txt')['torch'])
        if missing is None or mmcv_wheel.find_wheel(cached, name, version):
            self.ops = True
            return
        if name != 'mmcv':
            raise missing
        self.ops = False
        say(
            '      mmcv-lite takes the place of mmcv: classification and video, but no '
            f'detection ({missing})'
        )

    def create(self) -> None:
        """Create the virtual environment, or clear away what was left half-done."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.stamp.write_text(json.dumps(dict(stack=self.stack)))
        # `~name` is what pip was taking out when it was killed: parts may be missing.
        torn = any(self.site_packages().glob('~*'))
        wanted = pins.stack_pins(self.stack, self.ops)
        rival = installed.rival(self.site_packages(), wanted)
        if torn or rival or not installed.has_pip(self.python, self.env):
            say(f'      creating {self.folder}')
            for path in self.folder.iterdir():
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                elif path != self.stamp:  # an unfinished folder is known by it
                    path.unlink()
            command = [sys.executable, '-m', 'venv', str(self.folder)]
            log = self.logs / 'venv.log'
            run_logged(command, log, 'creating the environment', self.env, (self.lock,))
        for info in list(installed.unfinished(self.site_packages())):
            say(f'      {info.stem} was interrupted: it is installed again')
            shutil.rmtree(info)
        self.pip('build tools', '-r', str(PINNED / 'build.txt'))
        self.download_packages()

    def download_packages(self) -> None:
        """Start to download what comes after mmcv, beside torch and the compiler.

        Only wheels, which wait in a folder; that step downloads whatever is not there.
        """
        wanted = pins.read_pins('packages.txt')
        there = installed.versions(self.site_packages())
        missing = [f'{n}=={v}' for n, v in wanted.items() - there.items()]
        if missing:
            command = [str(self.python), '-m', 'pip', 'download', '--no-deps', '--dest']
            command += [str(self.folder / _DOWNLOADS), '--only-binary', ':all:']
            log = self.logs / 'downloads.log'
            lock = (self.lock,)
            self.downloads = Background([*command, *missing], log, self.env, lock)

    def _libraries(self) -> dict[str, str]:
        """Return the pins of the stack but for mmcv, which has a step of its own."""
        libraries = pins.stack_pins(self.stack)
        return {n: v for n, v in libraries.items() if n != pins.STACKS[self.stack]}

    def install_torch(self) -> None:
        """Install torch with its dependencies."""
        constraints = ['-c', str(PINNED / 'build.txt')]
        self.pip('torch', '-r', str(PINNED / 'torch.txt'), *constraints)

    def install_mmcv(self) -> None:
        """Build mmcv or take it from the cache, and install it."""
        name = pins.STACKS[self.stack]
        version = pins.stack_pins(self.stack)[name]
        if not self.ops:
            self.pip('mmcv', '--no-deps', f'{pins.LITE}=={version}')
            return
        torch = pins.read_pins('torch.txt')['torch']
        wheel = mmcv_wheel.ensure_wheel(self.python, torch, name, version, self.env)
        info = self.site_packages() / f'{name.replace("-", "_")}-{version}.dist-info'
        origin = info / 'direct_url.json'
        same = (
            origin.exists() and json.loads(origin.read_text())['url'] == wheel.as_uri()
        )
        force = [] if same else ['--force-reinstall']
        self.pip('mmcv', '--no-deps', *force, str(wheel))

    def install_packages(self) -> None:
        """Install everything else, without resolving anything."""
        libraries = [
            f'{name}=={version}' for name, version in self._libraries().items()
        ]
        if self.downloads is not None:
            self.downloads.wait()
        options = ['--no-deps', '--no-build-isolation']
        options += ['--find-links', str(self.folder / _DOWNLOADS)]
        self.pip('packages', *options, '-r', str(PINNED / 'packages.txt'), *libraries)
        shutil.rmtree(self.folder / _DOWNLOADS, ignore_errors=True)

    def install_dynkd(self) -> None:
        """Install DynKD itself, editable, and check the result."""
        options = ('--no-deps', '--no-build-isolation')
        self.pip('dynkd', *options, '-e', str(ROOT))
        wanted = pins.all_pins(self.stack, self.ops)
        reason = installed.fault(self.python, wanted, self.ops, self.env)
        if reason:
            folder = mmcv_wheel.wheel_folder(wanted['torch'])
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
            ('mmcv', self.install_mmcv),
            (f'the libraries of {self.stack} and all other', self.install_packages),
            ('DynKD', self.install_dynkd),
        )
        try:
            for number, (title, step) in enumerate(steps, 1):
                say(f'[{number}/{len(steps)}] {title}')
                step()
        finally:
            if self.downloads is not None:
                self.downloads.stop()
        partial = self.stamp.with_suffix('.tmp')
        partial.write_text(json.dumps(dict(self.wanted(), ops=self.ops)))
        os.replace(partial, self.stamp)
        say(
            f'The environment is ready: {self.folder}. For the commands of the docs, '
            f'enter it: source {self.folder}/bin/activate'
        )


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
        int: The exit status: 75 if the same command may succeed at another time, since
        a download failed or the disk is full.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--venv', type=Path, default=Path('.venv'), help='its folder')
    parser.add_argument(
        '--stack',
        choices=('', *pins.STACKS),
        default='',
        help='whose libraries; by default what the environment has, else openmmlab',
    )
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, _end)
    try:
        ensure(Environment(arguments.venv, arguments.stack))
    except SetupError as error:
        print(f'dynkd: {error}', file=sys.stderr)
        return error.status
    except OSError as error:
        print(f'dynkd: {error.strerror}: {error.filename}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('dynkd: interrupted; the same command goes on from here', file=sys.stderr)
        return 130
    return 0


if __name__ == '__main__':
    sys.exit(main())
