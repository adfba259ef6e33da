# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Which processes share a node, and how they act together."""

import socket
from dataclasses import dataclass
from typing import Callable, Optional, TypeVar, overload

from mmengine.dist import all_gather_object, barrier, get_rank

T = TypeVar('T')


def host_name() -> str:
    """Name of the machine that this process runs on.

    Returns:
        str: The name.
    """
    return socket.gethostname()


@dataclass(frozen=True)
class Topology:
    """The processes of a run and the nodes that they run on.

    Args:
        rank (int): This process.
        nodes (tuple of int): Index of the node of each rank. Nodes are counted in the
            order of their lowest ranks.
    """

    rank: int
    nodes: tuple[int, ...]

    @classmethod
    def find(cls) -> 'Topology':
        """Ask all processes where they run.

        Returns:
            Topology: The topology, the same on all ranks but for ``rank``.
        """
        hosts = all_gather_object(host_name())
        order = list(dict.fromkeys(hosts))
        return cls(get_rank(), tuple(order.index(host) for host in hosts))

    @property
    def node(self) -> int:
        """int: Index of this process' node."""
        return self.nodes[self.rank]

    @property
    def num_nodes(self) -> int:
        """int: Number of nodes."""
        return max(self.nodes) + 1

    @property
    def peers(self) -> list[int]:
        """list[int]: Ranks on this process' node, itself included."""
        return [rank for rank, node in enumerate(self.nodes) if node == self.node]

    @property
    def sharing(self) -> bool:
        """bool: Whether there is a node, not necessarily this one, with several
        processes."""
        return self.num_nodes < len(self.nodes)

    @property
    def leader(self) -> bool:
        """bool: Whether this is the node's leader rank."""
        return self.rank == self.peers[0]

    def wait(self) -> None:
        """Wait for all processes."""
        barrier()

    @overload
    def together(self, action: Callable[[], T]) -> T: ...

    @overload
    def together(self, action: Callable[[], T], leaders: bool) -> Optional[T]: ...

    def together(self, action: Callable[[], T], leaders: bool = False) -> Optional[T]:
        """Run an action on all processes; if it fails on one, it fails on all.

        Otherwise the other processes would wait for the one that failed.

        Args:
            action (Callable): The action.
            leaders (bool): Whether only the leader of each node runs it. Defaults to
                False.

        Returns:
            Any: What the action returned here; None where it did not run.

        Raises:
            OSError: If the action raised one somewhere.
            ValueError: If the action raised one somewhere.
            MemoryError: If the action raised one somewhere.
        """
        found, error = None, None
        if self.leader or not leaders:
            try:
                found = action()
            except (OSError, ValueError, MemoryError) as caught:
                error = caught
        everywhere = all_gather_object(None if error is None else retold(error, ''))
        if error is not None:
            raise error
        for rank, failed in enumerate(everywhere):
            if failed is not None:
                raise retold(failed, f'rank {rank}: ')
        return found


def retold(error: Exception, prefix: str) -> Exception:
    """The same error, with a prefix before its message.

    Args:
        error (OSError | ValueError | MemoryError): The error. Its class may be one of
            theirs that is made of more than a text.
        prefix (str): The prefix.

    Returns:
        OSError | ValueError | MemoryError: An error of the plain class.
    """
    if isinstance(error, OSError) and error.errno is not None:
        where = f': {error.filename}' if error.filename else ''
        return OSError(error.errno, f'{prefix}{error.strerror}{where}')
    for kind in (OSError, MemoryError):
        if isinstance(error, kind):
            return kind(f'{prefix}{error}')
    return ValueError(f'{prefix}{error}')
