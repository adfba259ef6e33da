# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Which epoch's predictions each file of a store holds."""

import json
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Optional

from dynkd.utils.atomic import write_text

_CHUNK = 2**20


@dataclass(frozen=True)
class Entry:
    """Predictions that are complete.

    Args:
        epoch (int): Epochs done when they were complete.
        id (str): A random name. It tells the predictions of one run after an epoch from
            those of another.
        checksum (int, optional): CRC-32 of the slot's file. Defaults to None: there is
            none of slots in memory, and of files of an older version.
    """

    epoch: int
    id: str
    checksum: Optional[int] = None


def file_checksum(path: Path) -> int:
    """The checksum of a file.

    Args:
        path (Path): The file.

    Returns:
        int: The CRC-32 of its content.
    """
    found = 0
    with path.open('rb') as file:
        while chunk := file.read(_CHUNK):
            found = zlib.crc32(chunk, found)
    return found


class Ledger:
    """Which epoch's predictions each slot holds, in a file if the slots are files.

    A slot is marked as invalid before its first row is written, and recorded when all
    rows are. The file is replaced as a whole, so that a killed process leaves the old
    or the new one.

    Args:
        path (Path, optional): The file. Defaults to None: the slots live in memory.

    Raises:
        ValueError: If the file is damaged.
    """

    def __init__(self, path: Optional[Path] = None) -> None:
        self.path = path
        self.entries: list[Optional[Entry]] = []
        if path is not None and path.is_file():
            try:
                self.entries = [e and Entry(**e) for e in json.loads(path.read_text())]
            except (TypeError, ValueError) as error:
                raise ValueError(
                    f'{path}, which says what the files beside it hold, is damaged '
                    f'({error}). Start a new run with another `path`, or remove that '
                    'folder.'
                ) from error

    def resize(self, slots: int) -> None:
        """Have at least this many slots.

        Args:
            slots (int): The number; new ones hold nothing.
        """
        self.entries += [None] * (slots - len(self.entries))

    def find(self, entry_id: Optional[str]) -> Optional[int]:
        """Find the slot that holds certain predictions.

        Args:
            entry_id (str, optional): Their random name; None finds nothing.

        Returns:
            int, optional: The slot, if there is one.
        """
        for slot, entry in enumerate(self.entries):
            if entry is not None and entry.id == entry_id:
                return slot
        return None

    def id_of(self, slot: Optional[int]) -> Optional[str]:
        """The random name of what a slot holds.

        Args:
            slot (int, optional): The slot, which is complete.

        Returns:
            str, optional: The name; None without a slot.
        """
        entry = None if slot is None else self.entries[slot]
        return None if entry is None else entry.id

    def set(self, slot: int, entry: Optional[Entry], write: bool) -> None:
        """Record what a slot holds.

        Args:
            slot (int): The slot.
            entry (Entry, optional): Its predictions; None while they are incomplete.
            write (bool): Whether this process writes the file.
        """
        self.entries[slot] = entry
        if write:
            self.save()

    def save(self) -> None:
        """Replace the file, if there is one."""
        if self.path is None:
            return
        write_text(self.path, json.dumps([e and asdict(e) for e in self.entries]))

    def describe(self) -> str:
        """Say which epochs there are.

        Returns:
            str: For a message.
        """
        epochs = sorted({entry.epoch for entry in self.entries if entry is not None})
        return f'after epoch {", ".join(map(str, epochs))}' if epochs else 'of no epoch'
