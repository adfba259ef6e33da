# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Which files of flow a video has, and whether they are all there."""

from typing import Any, Optional

from mmengine.fileio import list_dir_or_file

#: How many missing files a message names.
SHOWN = 3


class FlowFiles:
    """Names of the files of flow, and a check that a video has its own.

    Args:
        template (str): Template of file names, formatted with ``'x'`` or ``'y'`` and
            the number.
        backend_args (dict, optional): MMEngine's file backend. Defaults to None.

    Raises:
        ValueError: If the template does not name two files per number.
    """

    def __init__(
        self, template: str, backend_args: Optional[dict[str, Any]] = None
    ) -> None:
        self.template = template
        self.backend_args = backend_args
        #: Number of the last flow of videos that were checked.
        self._last: dict[tuple[str, int, int, bool], int] = {}
        try:
            names = {template.format(axis, n) for axis in 'xy' for n in (1, 2)}
        except (IndexError, KeyError, ValueError) as error:
            raise ValueError(
                f'filename_tmpl must take an axis and a number, as '
                f"'flow_{{}}_{{:05}}.jpg' does, got {template!r}: {error}"
            ) from error
        if len(names) < 4:
            raise ValueError(
                'filename_tmpl must give each axis and number a name of its own, as '
                f"'flow_{{}}_{{:05}}.jpg' does, got {template!r}"
            )

    def names(self, number: int) -> tuple[str, str]:
        """File names of a flow.

        Args:
            number (int): Its number.

        Returns:
            tuple[str, str]: The names of its parts, u and v.
        """
        return self.template.format('x', number), self.template.format('y', number)

    def check(
        self, folder: str, first: int, frames: int, whole: bool, clip: str
    ) -> int:
        """Check whether the files of a video exist. Each folder is read once.

        Args:
            folder (str): Where they are.
            first (int): Number of the first flow.
            frames (int): How many frames the video has; the flow may be one fewer.
            whole (bool): Whether the folder holds no other flow, as that of the rest of
                a longer video.
            clip (str): The video, for messages.

        Returns:
            int: Number of the last flow.

        Raises:
            ValueError: If there are fewer, or more, than the video has frames.
            FileNotFoundError: If some are missing.
        """
        key = (folder, first, frames, whole)
        if key not in self._last:
            self._last[key] = self._look(*key, clip)
        return self._last[key]

    def _look(
        self, folder: str, first: int, frames: int, whole: bool, clip: str
    ) -> int:
        there = self._list(folder)
        numbers = range(first, first + frames)
        found = [n for n in numbers if there.issuperset(self.names(n))]
        more = first + frames
        while whole and there.issuperset(self.names(more)):
            more += 1
        count = len(found) + more - first - frames
        if found and (count > frames or found == list(numbers[: len(found)])):
            if not frames - 1 <= count <= frames:
                raise ValueError(
                    f'LoadFlow: {folder} has {count} flows, but {clip} has {frames} '
                    'frames: both must come from the same video at the same frame '
                    'rate, and flow is as many or one fewer. Extract it again with '
                    'tools/dataset_converters/extract_flow.py'
                )
            return found[-1]
        missing = [n for i in numbers[:-1] for n in self.names(i) if n not in there]
        missing = missing or list(self.names(first))
        shown = ', '.join(missing[:SHOWN]) + (', ...' if len(missing) > SHOWN else '')
        raise FileNotFoundError(
            f'LoadFlow: {len(missing)} files of flow of {clip} are missing in '
            f'{folder}: {shown}. Extract them with '
            'tools/dataset_converters/extract_flow.py, or compute flow while loading '
            'with dynkd.ComputeFlow'
        )

    def _list(self, folder: str) -> set[str]:
        """Names of the files in a folder; none if there is no folder."""
        try:
            return set(
                list_dir_or_file(folder, list_dir=False, backend_args=self.backend_args)
            )
        except FileNotFoundError:
            return set()
