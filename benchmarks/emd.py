# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Speed, accuracy and memory of ``EMDLoss`` beside GeomLoss's Sinkhorn divergence.

Both run forward and backward on the same clouds, in one process, taking turns; times
are medians. POT's exact ``emd2`` is the judge of values and gradients. Memory is how
far the resident size of a fresh process rises in one forward and backward pass, after a
pass on tiny clouds has loaded all libraries: it counts what SciPy and NumPy allocate
too, which a profiler of torch does not see. It needs Linux.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Callable

import numpy as np
import ot
import torch
from geomloss import SamplesLoss
from torch import Tensor

from dynkd.models.methods.dkd import EMDLoss

METHODS = ('dynkd', 'geomloss')
Loss = Callable[[Tensor, Tensor], Tensor]


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--batch', type=int, default=8, help='clouds')
    parser.add_argument('--points', type=int, default=400, help='points in a cloud')
    parser.add_argument('--coordinates', type=int, default=128)
    parser.add_argument(
        '--correlations',
        type=float,
        nargs='+',
        default=[0.0, 0.5, 0.9],
        help='correlation between the coordinates of a point and of its counterpart',
    )
    parser.add_argument('--p', type=int, default=2, choices=[1, 2])
    parser.add_argument('--blur', type=float, default=0.05, help="GeomLoss's blur")
    parser.add_argument('--scaling', type=float, default=0.5, help="GeomLoss's scaling")
    parser.add_argument('--repeats', type=int, default=15, help='timed passes of each')
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--memory-of', choices=METHODS, help=argparse.SUPPRESS)
    return parser.parse_args()


def make_clouds(
    args: argparse.Namespace, correlation: float, tiny: bool = False
) -> tuple[Tensor, Tensor]:
    """Two Gaussian clouds, shape (batch, points, coordinates)."""
    generator = torch.Generator().manual_seed(args.seed)
    shape = (2, 4, 8) if tiny else (args.batch, args.points, args.coordinates)
    x = torch.randn(shape, generator=generator)
    noise = torch.randn(shape, generator=generator)
    y = correlation * x + (1 - correlation**2) ** 0.5 * noise
    return x.requires_grad_(), y


def make_losses(args: argparse.Namespace) -> dict[str, Loss]:
    """Both as the mean over the clouds, of all points at once."""
    sinkhorn = SamplesLoss('sinkhorn', p=args.p, blur=args.blur, scaling=args.scaling)
    return {
        'dynkd': EMDLoss('spatial', p=args.p, solver='exact', max_points=None),
        'geomloss': lambda x, y: sinkhorn(x, y).mean(),
    }


def run(loss: Loss, x: Tensor, y: Tensor) -> tuple[float, Tensor]:
    """One forward and backward pass: the value and the gradient of ``x``."""
    x.grad = None
    value = loss(x, y)
    value.backward()
    return value.item(), x.grad


def exact(x: Tensor, y: Tensor, p: int) -> tuple[float, Tensor]:
    """POT's value, and the gradient of its plan's cost, in float64."""
    gradient = torch.zeros_like(x, dtype=torch.float64)
    values = []
    for i, (a, b) in enumerate(zip(x.detach().double(), y.double())):
        a = a.clone().requires_grad_()
        cost = torch.cdist(a, b, compute_mode='donot_use_mm_for_euclid_dist')
        cost = cost if p == 1 else cost**2 / 2
        weights = np.full(len(a), 1 / len(a))
        value, log = ot.emd2(
            weights,
            weights,
            cost.detach().numpy(),
            numItermax=10**7,
            return_matrix=True,
        )
        values.append(float(value))
        (torch.from_numpy(log['G']) * cost).sum().backward()
        gradient[i] = a.grad
    return statistics.fmean(values), gradient / len(values)


def times(
    losses: dict[str, Loss], x: Tensor, y: Tensor, repeats: int
) -> dict[str, float]:
    """Median seconds of each, taking turns."""
    found: dict[str, list[float]] = {name: [] for name in losses}
    for turn in range(repeats + 2):
        for name, loss in losses.items():
            begin = time.perf_counter()
            run(loss, x, y)
            if turn >= 2:
                found[name].append(time.perf_counter() - begin)
    return {name: statistics.median(seconds) for name, seconds in found.items()}


def resident_mib(field: str) -> float:
    """Resident size of this process: now (``VmRSS``) or at its peak (``VmHWM``)."""
    for line in Path('/proc/self/status').read_text().splitlines():
        if line.startswith(f'{field}:'):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f'/proc/self/status has no {field}; memory needs Linux')


def print_own_memory(args: argparse.Namespace) -> None:
    """What one pass adds to the peak of this process, in MiB."""
    loss = make_losses(args)[args.memory_of]
    run(loss, *make_clouds(args, 0.0, tiny=True))
    x, y = make_clouds(args, args.correlations[0])
    Path('/proc/self/clear_refs').write_text('5')  # Forget the peak of the imports.
    before = resident_mib('VmRSS')
    run(loss, x, y)
    print(resident_mib('VmHWM') - before)


def memory(correlation: float, method: str) -> float:
    """What one pass adds to the peak of a fresh process, in MiB: median of three."""
    command = [sys.executable, os.path.abspath(__file__), *sys.argv[1:]]
    command += ['--memory-of', method, '--correlations', str(correlation)]
    measure = partial(subprocess.run, command, check=True, stdout=subprocess.PIPE)
    return statistics.median(float(measure().stdout) for _ in range(3))


def cosine(a: Tensor, b: Tensor) -> float:
    return torch.cosine_similarity(a.double().flatten(), b.double().flatten(), 0).item()


def main() -> None:
    args = parse_args()
    torch.set_num_threads(args.threads)
    if args.memory_of:
        print_own_memory(args)
        return
    print(
        f'B={args.batch}, {args.points} points in R^{args.coordinates}, p={args.p}, '
        f'{args.threads} threads, forward + backward, median of {args.repeats}; '
        f'GeomLoss: blur {args.blur}, scaling {args.scaling}\n'
    )
    print(
        '| correlation | method | time, ms | speed | relative error of the value | '
        "gradient's cosine to the exact plan's | peak memory, MiB | memory |\n"
        '|---|---|---|---|---|---|---|---|'
    )
    losses = make_losses(args)
    for correlation in args.correlations:
        x, y = make_clouds(args, correlation)
        seconds = times(losses, x, y, args.repeats)
        mib = {name: memory(correlation, name) for name in METHODS}
        value, gradient = exact(x, y, args.p)
        for name, loss in losses.items():
            own_value, own_gradient = run(loss, x, y)
            print(
                f'| {correlation} | {name} | {1e3 * seconds[name]:.1f} '
                f'| {seconds["geomloss"] / seconds[name]:.1f} '
                f'| {abs(own_value / value - 1):.1e} '
                f'| {cosine(own_gradient, gradient):.6f} | {mib[name]:.1f} '
                f'| {mib[name] / mib["geomloss"]:.2f} |'
            )


if __name__ == '__main__':
    main()
