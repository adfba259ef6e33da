# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The command ``dynkd``, and ``python -m dynkd``: the tools, by name."""

import runpy
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from dynkd import __version__

#: The tools by their names here: where they are below ``tools``, and what they do.
TOOLS = {
    'distill': (
        'distill.py',
        'train the student of an existing config by distillation',
    ),
    'train': ('train.py', 'train the streams of a config'),
    'test': ('test.py', 'test the streams of a checkpoint'),
    'validate': ('validate.py', 'validate streams as a training would begin'),
    'export': (
        'model_converters/export_stream.py',
        'write a stream of a checkpoint for its plain library',
    ),
    'compare': ('compare.py', 'train several methods and seeds, and compare them'),
}
_DOCTOR = 'say which versions and devices there are, and what is missing'


def tools_folder() -> Path:
    """Where the tools are: in the installed package, or beside it in a clone.

    Returns:
        Path: The folder.

    Raises:
        SystemExit: If they are in neither place.
    """
    package = Path(__file__).resolve().parent
    for folder in (package / '.mim' / 'tools', package.parent / 'tools'):
        if (folder / 'train.py').is_file():
            return folder
    raise SystemExit('dynkd: the tools are not installed; install DynKD again.')


def usage() -> str:
    """What the command can do.

    Returns:
        str: The lines.
    """
    lines = {name: what for name, (_, what) in TOOLS.items()}
    lines['doctor'] = _DOCTOR
    commands = '\n'.join(f'  {name:<9}{what}' for name, what in lines.items())
    return (
        'usage: dynkd COMMAND [options]\n\n'
        f'Dynamic knowledge distillation for OpenMMLab, {__version__}.\n\n'
        f'commands:\n{commands}\n\n'
        '`dynkd COMMAND --help` lists the options of a command.\n'
        'A student from two configs of an installed library, for example:\n'
        '  dynkd distill mmdet::retinanet/retinanet_r18_fpn_1x_coco.py \\\n'
        '    --teacher mmdet::retinanet/retinanet_r50_fpn_1x_coco.py'
    )


def main(arguments: Optional[Sequence[str]] = None) -> None:
    """Run from the command line.

    Args:
        arguments (Sequence[str], optional): What follows the command. Defaults to what
            it was called with.

    Raises:
        SystemExit: With status 2 if there is no such command or option; as the tool
            ends.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ('-h', '--help'):
        print(usage())
    elif words[0] in ('--version', 'doctor') and len(words) > 1:
        print(f'dynkd: `{words[0]}` has no options.\n\n{usage()}', file=sys.stderr)
        raise SystemExit(2)
    elif words[0] == '--version':
        print(f'dynkd {__version__}')
    elif words[0] == 'doctor':
        from dynkd.doctor import examine

        raise SystemExit(examine())
    elif words[0] in TOOLS:
        _run(words[0], words[1:])
    else:
        print(f'dynkd: there is no command `{words[0]}`.\n\n{usage()}', file=sys.stderr)
        raise SystemExit(2)


def _run(name: str, options: Sequence[str]) -> None:
    """Run a tool as if it had been called itself."""
    path = tools_folder() / TOOLS[name][0]
    sys.argv = [str(path), *options]
    sys.path.insert(0, str(path.parent))
    runpy.run_path(str(path), run_name='__main__')


if __name__ == '__main__':
    main()
