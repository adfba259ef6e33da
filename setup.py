# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Package DynKD, with its configs and tools inside for ``mim``."""

import os
import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
MIM_CONTENT = ('configs', 'tools', 'model-index.yml')


def read_version():
    """Return the version, without importing the package and what it needs."""
    text = (ROOT / 'dynkd' / 'version.py').read_text(encoding='utf-8')
    return re.search(r"__version__ = '([^']+)'", text).group(1)


def read_requirements(name):
    """Return the requirements of a file in ``requirements/``."""
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text().splitlines()
    lines = (line.split('#')[0].strip() for line in lines)
    return [line for line in lines if line]


def remove(path):
    """Remove a file, a folder or a link, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif path.exists() or path.is_symlink():
        path.unlink()


def copy(source, target):
    """Copy a file, or a folder without what Python and editors leave in it."""
    if source.is_dir():
        junk = shutil.ignore_patterns('__pycache__', '*.pyc', '*~')
        shutil.copytree(source, target, ignore=junk)
    else:
        shutil.copy2(source, target)


class BuildWithMim(build_py):
    """Put configs and tools where ``mim`` looks for them: ``dynkd/.mim``.

    An editable installation gets links in the source tree (copies where the system has
    none), a wheel gets copies in the folder it is built in.
    """

    def run(self):
        if self.editable_mode:
            super().run()
            self.add_mim(ROOT / 'dynkd' / '.mim', link=True)
            return
        # What an earlier build left there may have been deleted from the sources.
        remove(Path(self.build_lib, 'dynkd'))
        super().run()
        self.add_mim(Path(self.build_lib, 'dynkd', '.mim'), link=False)

    def add_mim(self, folder, link):
        """Fill the folder anew."""
        remove(folder)
        folder.mkdir(parents=True)
        for name in MIM_CONTENT:
            source, target = ROOT / name, folder / name
            if not source.exists():
                raise FileNotFoundError(f'{source} belongs into the package')
            if link:
                try:
                    target.symlink_to(os.path.relpath(source, folder))
                    continue
                except OSError:
                    self.announce(f'no links here: {name} is copied', level=3)
            copy(source, target)


LIBRARIES = ('det', 'cls', 'video', 'seg', 'razor')
EXTRAS = {name: read_requirements(name) for name in LIBRARIES}
EXTRAS['all'] = sorted({line for lines in EXTRAS.values() for line in lines})
# The same libraries from OneDL, under other names: beside no other extra but tests.
EXTRAS['onedl'] = read_requirements('onedl')
EXTRAS['tests'] = read_requirements('tests')
EXTRAS['docs'] = read_requirements('docs')

setup(
    name='dynkd',
    version=read_version(),
    description='Dynamic knowledge distillation for OpenMMLab',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    author='DynKD contributors',
    license='Apache-2.0',
    license_files=['LICENSE'],
    keywords=['knowledge distillation', 'OpenMMLab', 'PyTorch', 'computer vision'],
    classifiers=[
        'Development Status :: 4 - Beta',
        'Intended Audience :: Developers',
        'Intended Audience :: Science/Research',
        'Operating System :: OS Independent',
        'Programming Language :: Python :: 3',
        'Programming Language :: Python :: 3.11',
        'Programming Language :: Python :: 3.12',
        'Programming Language :: Python :: 3.13',
        'Topic :: Scientific/Engineering :: Artificial Intelligence',
    ],
    packages=find_packages(include=['dynkd', 'dynkd.*']),
    include_package_data=False,
    package_data={'dynkd': ['py.typed']},
    python_requires='>=3.11',
    install_requires=read_requirements('runtime'),
    extras_require=EXTRAS,
    cmdclass={'build_py': BuildWithMim},
    entry_points={'console_scripts': ['dynkd = dynkd.__main__:main']},
    zip_safe=False,
)
