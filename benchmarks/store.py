# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Size, fidelity and speed of the store of past predictions, format by format.

Fidelity: logits are made like those of trained classifiers, for several stages of a
training. All classes get Gaussian logits; the true class and eight that are like it are
raised. The model's next prediction q of a sample, whose loss is taken, has logits that
moved by Gaussian noise, as an epoch and another augmentation move them. Compared are
the stored and the full probability: KL(full || stored), and the cosine between the
gradients of the historical loss by the logits, q - stored and q - full. All in float64
on what float32 gives; a row counts as one.

Size: what a store in files takes for a fraction of the samples, and that times the
rest. Speed: batches are written and read in turns with two loops, in one process, and
medians are given: `rows` encodes and copies each row by itself and checks nothing;
`samples` calls `write` for each sample.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Callable

import torch
from torch import Tensor

from dynkd.models.stores import FORMATS, PredictionStore, build_codec

#: Name of a stage: spread of the logits, lift of the true class, noise.
STAGES = {
    'early': (1.0, 4.0, 0.5),
    'quarter': (1.5, 8.0, 0.5),
    'half': (2.0, 10.0, 0.5),
    'late': (2.5, 14.0, 0.5),
    'overconfident': (3.0, 18.0, 0.7),
    'rough': (5.0, 10.0, 1.0),
}
_GIB = 2**30


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--samples', type=int, default=1_280_000)
    parser.add_argument('--classes', type=int, default=1000)
    parser.add_argument('--taps', type=int, default=4)
    parser.add_argument('--fraction', type=float, default=0.005, help='of the samples')
    parser.add_argument('--rows', type=int, default=2048, help='rows of a stage')
    parser.add_argument('--batch', type=int, default=256)
    parser.add_argument('--repeats', type=int, default=9, help='timed turns of each')
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--seed', type=int, default=0)
    return parser.parse_args()


def make_logits(
    args: argparse.Namespace, stage: str, rows: int
) -> tuple[Tensor, Tensor]:
    """Logits of an epoch and of the next, each of shape (rows, classes)."""
    spread, lift, noise = STAGES[stage]
    generator = torch.Generator().manual_seed(args.seed)
    shape = (rows, args.classes)
    logits = spread * torch.randn(shape, generator=generator)
    true = torch.randint(args.classes, (rows, 1), generator=generator)
    alike = torch.randint(args.classes, (rows, 8), generator=generator)
    logits.scatter_add_(1, true, torch.full((rows, 1), lift))
    lifts = 0.7 * lift * torch.rand(rows, 8, generator=generator)
    logits.scatter_add_(1, alike, lifts)
    return logits, logits + noise * torch.randn(shape, generator=generator)


def fidelity(args: argparse.Namespace, format: str, stage: str) -> tuple[Tensor, ...]:
    """Divergence, cosine of the gradients and greatest probability of each row."""
    logits, moved = make_logits(args, stage, args.rows)
    codec = build_codec(format, args.classes)
    stored = codec.decode(codec.encode(logits)).double()
    full, now = logits.double().softmax(1), moved.double().softmax(1)
    terms = full * (full.clamp_min(1e-300).log() - stored.clamp_min(1e-300).log())
    cosine = torch.cosine_similarity(now - stored, now - full, 1, 1e-300)
    return terms.sum(1), cosine, full.amax(1)


def measured_bytes(args: argparse.Namespace, store: PredictionStore) -> float:
    """Bytes on the disk for one epoch's predictions of a sample."""
    with tempfile.TemporaryDirectory() as folder:
        store.path = folder
        samples = round(args.samples * args.fraction)
        store.open(samples, 'benchmark', slots=2)
        blocks = [512 * p.stat().st_blocks for p in Path(folder).glob('*.bin')]
        store.close()
        store.path = None
    return sum(blocks) / len(blocks) / samples


def write_by_rows(
    store: PredictionStore, rows: Tensor, indices: Tensor, logits: dict[str, Tensor]
) -> None:
    """What a store would be that handles a sample at a time."""
    codecs = {
        tap: build_codec(store.format, classes) for tap, classes in store.taps.items()
    }
    for position, index in enumerate(indices.tolist()):
        begin = 0
        for tap, codec in codecs.items():
            row = logits[tap][position : position + 1]
            end = begin + codec.row_bytes
            rows[index, begin:end] = codec.encode(row)[0]
            begin = end


def write_by_samples(
    store: PredictionStore, indices: Tensor, logits: dict[str, Tensor]
) -> None:
    """The store itself, given a sample at a time."""
    for position in range(len(indices)):
        one = slice(position, position + 1)
        store.write(indices[one], {tap: own[one] for tap, own in logits.items()})


def times(
    actions: dict[str, Callable[[], None]], repeats: int
) -> dict[str, list[float]]:
    """Seconds of each, taking turns."""
    found: dict[str, list[float]] = {name: [] for name in actions}
    for turn in range(repeats + 2):
        for name, action in actions.items():
            begin = time.perf_counter()
            action()
            if turn >= 2:
                found[name].append(time.perf_counter() - begin)
    return found


def speed(args: argparse.Namespace, store: PredictionStore) -> tuple[float, ...]:
    """Seconds to write and to read a batch, and how much longer the loops take."""
    samples = 8 * args.batch
    store.open(samples, 'benchmark')
    one, _ = make_logits(args, 'half', args.batch)
    logits = dict.fromkeys(store.taps, one)
    generator = torch.Generator().manual_seed(args.seed)
    indices = torch.randperm(samples, generator=generator)[: args.batch]
    label = torch.eye(args.classes)[indices % args.classes]
    labels = dict.fromkeys(store.taps, label)
    store.write(indices, logits)
    store.end_epoch(1)
    rows = torch.zeros(samples, store.row_bytes, dtype=torch.uint8)
    found = times(
        {
            'write': lambda: store.write(indices, logits),
            'rows': lambda: write_by_rows(store, rows, indices, logits),
            'samples': lambda: write_by_samples(store, indices, logits),
            'read': lambda: store.read(indices, labels),
        },
        args.repeats,
    )
    write, read = (statistics.median(found[name]) for name in ('write', 'read'))
    ratios = [
        statistics.median(loop / own for loop, own in zip(found[name], found['write']))
        for name in ('rows', 'samples')
    ]
    store.close()
    return (write, read, *ratios)


def print_sizes_and_speed(args: argparse.Namespace) -> None:
    samples = round(args.samples * args.fraction)
    print(
        f'Size: {samples} of {args.samples} samples measured, {args.classes} classes, '
        f'{args.taps} taps; speed: batches of {args.batch}, {args.threads} threads.\n\n'
        '| format | bytes a row and tap | of float32 | one epoch, GiB | write, ms '
        '| read, ms | rows / write | samples / write |\n'
        '|---|---|---|---|---|---|---|---|'
    )
    whole = None
    for format in FORMATS:
        store = PredictionStore(format=format)
        store.declare({f'student.tap{i}': args.classes for i in range(args.taps)})
        sample = measured_bytes(args, store)
        whole = whole or store.row_bytes
        write, read, rows, by_sample = speed(args, store)
        print(
            f'| {format} | {store.row_bytes / args.taps:.0f} '
            f'| {100 * store.row_bytes / whole:.1f} % '
            f'| {sample * args.samples / _GIB:.2f} | {1e3 * write:.1f} '
            f'| {1e3 * read:.1f} | {rows:.1f} | {by_sample:.1f} |'
        )


def print_fidelity(args: argparse.Namespace) -> None:
    print(
        f'\nFidelity: {args.rows} rows of {args.classes} classes a stage; mean and '
        'worst row.\n\n| stage | greatest probability | format | KL, mean | KL, worst '
        '| cosine, mean | cosine, 1st percentile | cosine, worst '
        '|\n|---|---|---|---|---|---|---|---|'
    )
    for stage in STAGES:
        for format in FORMATS:
            divergence, cosine, top = fidelity(args, format, stage)
            print(
                f'| {stage} | {top.mean():.2f} | {format} | {divergence.mean():.1e} '
                f'| {divergence.max():.1e} | {cosine.mean():.4f} '
                f'| {cosine.quantile(0.01):.4f} | {cosine.min():.4f} |'
            )


def main() -> None:
    args = parse_args()
    torch.set_num_threads(args.threads)
    print_sizes_and_speed(args)
    print_fidelity(args)


if __name__ == '__main__':
    main()
