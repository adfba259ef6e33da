# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Stores that several processes write: ``torchrun --nproc_per_node 3 … OUT``.

Every process keeps all that it reads, for each way in which the processes lie on nodes.
"""

import copy
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import torch
from mmengine.dist import broadcast_object_list, get_rank, get_world_size
from torch import Tensor

from dynkd.compat import init_cpu_process_group, leave_process_group
from dynkd.models.stores import PredictionStore, exchange, topology

TAPS = {'student.head': 5, 'student.branches.0.fc': 3}
NUM, EPOCHS, STEPS, WORLD = 40, 3, 3, 3
#: Which node each rank is on.
LAYOUTS = {'one': (0, 0, 0), 'two': (0, 0, 1), 'three': (0, 1, 2)}


def batch(epoch: int, step: int, rank: int) -> tuple[Tensor, dict[str, Tensor]]:
    """A rank's samples and logits: sizes differ, and samples repeat everywhere."""
    generator = torch.Generator().manual_seed(1000 * epoch + 10 * step + rank)
    size = 2 + (step + rank) % 3 + 3 * (step == 2)
    # A sampler that pads gives the same first sample to all ranks.
    indices = torch.randint(NUM, (size,), generator=generator)
    indices[0] = epoch % NUM
    logits = {
        tap: 3 * torch.randn(size, classes, generator=generator)
        for tap, classes in TAPS.items()
    }
    return indices, logits


def whole_batch(epoch: int, step: int) -> tuple[Tensor, dict[str, Tensor]]:
    """The batches of all ranks, one behind the other."""
    parts = [batch(epoch, step, rank) for rank in range(WORLD)]
    logits = {tap: torch.cat([own[tap] for _, own in parts]) for tap in TAPS}
    return torch.cat([indices for indices, _ in parts]), logits


def everything(store: PredictionStore) -> Tensor:
    """All that can be read, one tap behind the other."""
    indices = torch.arange(NUM)
    labels = {tap: torch.eye(k)[indices % k] for tap, k in TAPS.items()}
    return torch.cat([*store.read(indices, labels).values()], 1)


def new_store(**options) -> PredictionStore:
    store = PredictionStore(**options)
    store.declare(TAPS)
    return store


def train(options: dict, folder: Path) -> list[Tensor]:
    """Train for some epochs, stopped in the midst of each and resumed."""
    store, found = new_store(**options), []
    store.open(NUM, 'a data set')
    for epoch in range(1, EPOCHS + 1):
        for step in range(STEPS):
            store.write(*batch(epoch, step, get_rank()))
        store.end_epoch(epoch)
        found.append(everything(store))
        checkpoint = [None]
        if get_rank() == 0:
            store.pin()
            torch.save(store.state_dict(), folder / 'state.pth')
            checkpoint = [str(folder / 'state.pth')]
        broadcast_object_list(checkpoint)
        state = torch.load(checkpoint[0], weights_only=True)
        store.write(*batch(99, 0, get_rank()))
        store = new_store(**options)
        store.load_state_dict(copy.deepcopy(state), epoch)
        store.open(NUM, 'a data set')
        found.append(everything(store))
    return found


def fail_on_last_rank(path: Path) -> str:
    """What each process is told when the disk of one of them is full."""
    usage = shutil.disk_usage
    if get_rank() == get_world_size() - 1:
        shutil.disk_usage = lambda folder: SimpleNamespace(free=0)
    store = new_store(path=str(path))
    try:
        store.open(NUM, 'a data set')
    except OSError as error:
        return str(error)
    finally:
        shutil.disk_usage = usage
    return ''


def main() -> None:
    out = Path(sys.argv[1])
    init_cpu_process_group('pytorch', timeout=120)
    found = {}
    # Several rounds of few rows.
    exchange.ROUND_BYTES = 500
    for layout, nodes in LAYOUTS.items():
        topology.host_name = lambda nodes=nodes: f'host{nodes[get_rank()]}'
        for format in ('float32', 'uint8'):
            for path in (None, str(out / f'{layout}-{format}')):
                options = dict(format=format, path=path)
                kind = 'memory' if path is None else 'files'
                found[f'{layout} {format} {kind}'] = train(options, out)
    found['error'] = fail_on_last_rank(out / 'full')
    torch.save(found, out / f'found.{get_rank()}')
    leave_process_group()


if __name__ == '__main__':
    main()
