# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""List what each config needs, and what makes it: the tables of docs/configs.md.

    python tools/analysis_tools/config_needs.py            # writes docs/configs.md
    python tools/analysis_tools/config_needs.py --check    # says whether it is so

For each config: its data, the published weights that it starts from, and the configs
that are trained before it, in that order. All of it is read off the configs.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from mmengine.config import Config
from read_needs import Needs, read_needs
from tool_options import described_parser

from dynkd.utils.tool import run_tool

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / 'docs' / 'configs.md'
FOLDERS = {
    'dkd': 'DKD',
    'ekd': 'EKD',
    'dtskd': 'DTSKD',
    'iakd': 'IAKD',
    'dpk': 'DPK',
    'kd': 'Other methods of distillation',
    'several': 'Several teachers, several students',
    'baselines': 'Models that are trained alone',
}
#: What makes the weights that are converted, by the first words of their names.
CONVERTED = {
    'checkpoints/efficientnet-lite0': 'tools/model_converters/efficientnet_lite0.py',
    'checkpoints/resnext3d': 'tools/model_converters/resnext3d.py',
}


def origin(path: str) -> str:
    """Say where weights come from.

    Args:
        path (str): Their address or path.

    Returns:
        str: A link, what converts them, or the library that knows the address.
    """
    if path.startswith('https://'):
        return f'<{path}>'
    scheme, _, _ = path.partition('://')
    if scheme == 'torchvision':
        return 'torchvision'
    if scheme == 'open-mmlab':
        return 'MMEngine'
    (tool,) = (own for start, own in CONVERTED.items() if path.startswith(start))
    return f'`{tool}`'


def weights_table(needs: dict[str, Needs]) -> list[str]:
    """Write the table of all weights that are not trained here.

    Args:
        needs (dict[str, Needs]): By the config's name.

    Returns:
        list[str]: Its lines.
    """
    paths = sorted({path for own in needs.values() for path in own.weights})
    lines = ['', '## Weights', '', '| Weights | Origin |', '| --- | --- |']
    return lines + [f'| `{short(path)}` | {origin(path)} |' for path in paths]


def short(path: str) -> str:
    """The name by which weights stand in the tables.

    Args:
        path (str): Their address or path.

    Returns:
        str: The name of the file, or the whole path if it is none of an address.
    """
    return path.rsplit('/', 1)[1] if path.startswith('https://') else path


def tables(needs: dict[str, Needs]) -> str:
    """Write the tables, one for each folder.

    Args:
        needs (dict[str, Needs]): By the config's name.

    Returns:
        str: Markdown.
    """
    lines = []
    for folder, title in FOLDERS.items():
        lines += [f'\n## {title}\n', f'Configs in `configs/{folder}/`.\n']
        lines += ['| Config | Data | Weights | Train first |']
        lines += ['| --- | --- | --- | --- |']
        for name in sorted(own for own in needs if own.startswith(f'{folder}/')):
            own = needs[name]
            first = ', then '.join(f'`configs/{config}.py`' for config in own.first)
            cells = [
                f'`{name.split("/")[1]}.py`',
                ', '.join(own.data),
                ', '.join(f'`{short(path)}`' for path in own.weights),
                first,
            ]
            lines.append('| ' + ' | '.join(cell or '–' for cell in cells) + ' |')
    return '\n'.join(lines + weights_table(needs)) + '\n'


def with_tables(page: str, needs: dict[str, Needs]) -> str:
    """Put the tables into the page, in the place of those that it has.

    Args:
        page (str): The page.
        needs (dict[str, Needs]): By the config's name.

    Returns:
        str: The page, up to its mark and with the tables behind it.

    Raises:
        ValueError: If it has no mark.
    """
    mark = '<!-- written by tools/analysis_tools/config_needs.py -->\n'
    if mark not in page:
        raise ValueError(f'the page has no line {mark.strip()!r}')
    return page[: page.index(mark) + len(mark)] + tables(needs)


def config_names() -> list[str]:
    """Find all configs.

    Returns:
        list[str]: Their names, sorted.
    """
    files = [file for own in FOLDERS for file in (ROOT / 'configs' / own).glob('*.py')]
    return sorted(f'{file.parent.name}/{file.stem}' for file in files)


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run from the command line.

    Args:
        argv (list[str], optional): The arguments. Defaults to None: the command line's.

    Returns:
        int: The exit status.
    """
    parser = described_parser(__doc__)
    parser.add_argument('--check', action='store_true', help='write nothing')
    args = parser.parse_args(argv)
    # It imports torch, without which --help answers.
    from plain_streams import read_streams

    needs = read_needs(
        config_names(),
        lambda name: Config.fromfile(ROOT / 'configs' / f'{name}.py'),
        lambda cfg, name: read_streams(cfg, keep_weights=True)[name].model,
    )
    page = PAGE.read_text(encoding='utf-8')
    new = with_tables(page, needs)
    if args.check:
        if new == page:
            return 0
        print(f'{PAGE} is not as the configs are: run this without --check')
        return 1
    PAGE.write_text(new, encoding='utf-8')
    return 0


if __name__ == '__main__':
    run_tool(main)
