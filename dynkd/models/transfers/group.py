# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Groups: several transfers from one short config."""

from abc import ABCMeta, abstractmethod
from collections.abc import Mapping

from dynkd.models.streams import Stream


class TransferGroup(metaclass=ABCMeta):
    """Several transfers that are written as one short config.

    In ``transfers`` a group is an entry with a ``type``. It is replaced by the
    transfers that :meth:`expand` returns, whose names begin with the group's name;
    phases and logs use those names.

    Attributes:
        from_scratch (bool): Whether its method starts the teacher from scratch, so that
            a teacher without a checkpoint is meant.
    """

    from_scratch = False

    @abstractmethod
    def expand(self, streams: Mapping[str, Stream]) -> dict[str, dict]:
        """Expand the group.

        Args:
            streams (dict[str, Stream]): The streams by name.

        Returns:
            dict[str, dict]: Configs of transfers, by the ends of their names.

        Raises:
            ValueError: If a stream does not exist or lacks what the group needs.
        """


def branch_taps(stream: Stream, part: str) -> list[str]:
    """Taps of a part of each of a stream's branches, shallow to deep.

    Args:
        stream (Stream): The stream.
        part (str): ``'fc'`` (logits) or ``'features'`` (the vector before it).

    Returns:
        list[str]: The taps; none for a stream without branches.
    """
    count = 0 if stream.branches is None else len(stream.branches)
    return [f'{stream.name}.branches.{index}.{part}' for index in range(count)]
