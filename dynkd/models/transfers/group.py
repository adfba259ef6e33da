# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What all generated transfers share."""

from abc import ABCMeta, abstractmethod
from collections.abc import Mapping

from dynkd.models.streams import Stream


class TransferGroup(metaclass=ABCMeta):
    """Transfers that one short config stands for.

    In ``transfers`` a group stands where a transfer would; its ``type`` tells it from
    one. It is replaced by the transfers that :meth:`expand` writes, whose names begin
    with the group's: phases and logs name those.
    """

    @abstractmethod
    def expand(self, streams: Mapping[str, Stream]) -> dict[str, dict]:
        """Write the transfers.

        Args:
            streams (dict[str, Stream]): The streams by name.

        Returns:
            dict[str, dict]: Configs of transfers, by the ends of their names.

        Raises:
            ValueError: If a stream does not exist or has not what the group needs.
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
