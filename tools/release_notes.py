# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Print what CHANGELOG.md says of a release, as the text of its tag or of its page.

git tag -a --cleanup=whitespace v0.2.0 -F <(python tools/release_notes.py v0.2.0)
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_HEADING = re.compile(r'^## (\S+?)(?: \((\d{4}-\d\d-\d\d)\))?$', re.M)


def sections(changelog: str) -> dict[str, tuple[str | None, str]]:
    """Take a changelog apart.

    Args:
        changelog (str): Its text.

    Returns:
        dict[str, tuple[str | None, str]]: Date and text of each version.
    """
    found = list(_HEADING.finditer(changelog))
    ends = [match.start() for match in found[1:]] + [len(changelog)]
    return {
        match.group(1): (match.group(2), changelog[match.end() : end].strip())
        for match, end in zip(found, ends)
    }


def notes(tag: str, root: Path = ROOT) -> str:
    """Return the text of a release.

    Args:
        tag (str): Such as ``v0.2.0``.
        root (Path): The clone. Defaults to the one of this file.

    Returns:
        str: The changelog's section.

    Raises:
        ValueError: The tag is not of the version that the files have, or that version
            has no dated section; says which file is to be changed.
    """
    version = tag.removeprefix('v')
    for name, pattern in (
        ('dynkd/version.py', r"__version__ = '(.+)'"),
        ('CITATION.cff', r'^version: (.+)$'),
    ):
        match = re.search(pattern, (root / name).read_text(encoding='utf-8'), re.M)
        if match is None or match.group(1) != version:
            own = 'none' if match is None else match.group(1)
            raise ValueError(f'{name} has version {own}, not {version}')
    changes = (root / 'CHANGELOG.md').read_text(encoding='utf-8')
    date, text = sections(changes).get(version, (None, ''))
    if date is None or not text:
        raise ValueError(
            f'CHANGELOG.md has no section `## {version} (YYYY-MM-DD)` with text'
        )
    cited = (root / 'CITATION.cff').read_text(encoding='utf-8')
    if f"date-released: '{date}'" not in cited:
        raise ValueError(f"CITATION.cff lacks `date-released: '{date}'`")
    return text


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('tag', help='such as v0.2.0')
    try:
        print(notes(parser.parse_args().tag))
    except ValueError as error:
        sys.exit(f'dynkd: {error}')


if __name__ == '__main__':
    main()
