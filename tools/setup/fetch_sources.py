# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Download a source distribution: ``fetch_sources.py FOLDER NAME==VERSION``.

``pip download`` would run its ``setup.py`` for the metadata, which mmcv's does not
survive on Python 3.13 before it is mended. This takes the file as pip would, with all
of pip's settings, and runs nothing. It is for the environment's pip, which is pinned.
"""

from __future__ import annotations

import sys
from optparse import Values

from pip._internal.commands.download import DownloadCommand
from pip._internal.network.download import Downloader
from pip._internal.req.constructors import install_req_from_line


class _Fetch(DownloadCommand):
    """``pip download``, without the metadata."""

    def run(self, options: Values, args: list[str]) -> int:
        session = self.get_default_session(options)
        finder = self._build_package_finder(options=options, session=session)
        (requirement,) = map(install_req_from_line, args)
        found = finder.find_requirement(requirement, upgrade=False)
        path, _ = Downloader(session, 'off')(found.link, options.download_dir)
        hashes = found.link.as_hashes()
        if hashes:
            hashes.check_against_path(path)
        return 0


if __name__ == '__main__':
    folder, wanted = sys.argv[1:]
    options = ['--no-binary', ':all:', '--dest', folder]
    sys.exit(_Fetch('download', 'Download sources.').main([*options, wanted]))
