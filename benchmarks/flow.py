# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Speed of ``extract_flow.py`` beside a plain OpenCV loop, and with several processes.

All extract the same videos, a texture that moves, taking turns, by the clock on the
wall. The plain loop reads, scales, computes and writes with OpenCV in one process, on
one thread and on as many as OpenCV takes by itself. Of runs with processes of their
own, the time until each has started, and extracted a video of two frames, is left out.
"""

import argparse
import importlib
import shutil
import statistics
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, Callable

import cv2
import numpy as np
from side_by_side import ratios

from dynkd.datasets.flow import FLOW_METHODS

TOOLS = Path(__file__).resolve().parents[1] / 'tools' / 'dataset_converters'
PLAIN = dict(
    tvl1=lambda: cv2.optflow.DualTVL1OpticalFlow_create(),
    dis=lambda: cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM),
    farneback=lambda: cv2.FarnebackOpticalFlow_create(),
)
#: From an empty folder to its seconds.
Method = Callable[[Path], float]


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--method', choices=FLOW_METHODS, default='tvl1')
    parser.add_argument('--videos', type=int, default=4)
    parser.add_argument('--frames', type=int, default=8, help='of each video')
    parser.add_argument(
        '--size', type=int, nargs=2, metavar=('HEIGHT', 'WIDTH'), default=(96, 128)
    )
    parser.add_argument('--short-side', type=int, default=96)
    parser.add_argument('--processes', type=int, nargs='+', default=[1, 2])
    parser.add_argument('--turns', type=int, default=3, help='timed runs of each')
    args = parser.parse_args()
    if args.turns < 2:
        parser.error('--turns must be at least 2, for quartiles')
    return args


def load_tool() -> ModuleType:
    """The module of the tool that distributes the work."""
    sys.path.insert(0, str(TOOLS))
    return importlib.import_module('flow_pool')


def write_video(path: Path, frames: int, size: tuple[int, int], seed: int) -> None:
    """A texture that moves by two pixels a frame, at 25 frames a second."""
    height, width = size
    rng = np.random.default_rng(seed)
    whole = rng.random((height, width + 2 * frames, 3))
    whole = cv2.GaussianBlur(whole, (0, 0), 2)
    whole = np.uint8((whole - whole.min()) / np.ptp(whole) * 255)
    codec = cv2.VideoWriter_fourcc(*'mp4v')
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, codec, 25, (width, height))
    for index in range(frames):
        writer.write(np.ascontiguousarray(whole[:, 2 * index : 2 * index + width]))
    writer.release()


def plain(
    videos: list[Path], method: str, short_side: int, threads: int, out: Path
) -> float:
    """What a loop without anything around it takes, in seconds."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(threads)
    begin = time.perf_counter()
    estimator = PLAIN[method]()
    for video in videos:
        capture, previous, index = cv2.VideoCapture(str(video)), None, 0
        while True:
            ok, frame = capture.read()
            if not ok:
                break
            height, width = frame.shape[:2]
            scale = short_side / min(height, width)
            frame = cv2.resize(frame, (round(width * scale), round(height * scale)))
            grey = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
            index += 1
            cv2.imwrite(str(out / f'{video.stem}_img_{index:05}.jpg'), frame)
            if previous is not None:
                flow = estimator.calc(previous, grey, None)
                flow = np.uint8(np.rint((np.clip(flow, -20, 20) + 20) * (255 / 40)))
                for axis, name in enumerate('xy'):
                    path = out / f'{video.stem}_flow_{name}_{index - 1:05}.jpg'
                    cv2.imwrite(str(path), flow[..., axis])
            previous = grey
        capture.release()
    seconds = time.perf_counter() - begin
    cv2.setNumThreads(before)
    return seconds


def with_tool(
    tool: ModuleType, videos: list[Path], short: Path, how: tuple[Any, int], out: Path
) -> float:
    """What the tool takes, in seconds; with no processes, it works in this one."""
    settings, workers = how
    before = cv2.getNumThreads()
    if not workers:
        cv2.setNumThreads(1)
    jobs = [tool.Job(short, out / f'start{i}', out) for i in range(workers)]
    jobs += [tool.Job(video, out / video.stem, out) for video in videos]
    begin = end = time.perf_counter()
    for index, outcome in enumerate(tool.run(jobs, settings, workers)):
        if outcome.error:
            raise RuntimeError(f'{outcome.job.video}: {outcome.error}')
        end = time.perf_counter()
        if index + 1 == workers:
            begin = end
    cv2.setNumThreads(before)
    return end - begin


def measure(
    methods: dict[str, Method], folder: Path, turns: int
) -> dict[str, list[float]]:
    """Seconds of each method in each turn, after one that does not count."""
    found: dict[str, list[float]] = {name: [] for name in methods}
    names = list(methods)
    for turn in range(turns + 1):
        shift = turn % len(names)
        for name in names[shift:] + names[:shift]:
            out = folder / 'out'
            out.mkdir()
            seconds = methods[name](out)
            shutil.rmtree(out)
            if turn:
                found[name].append(seconds)
    return found


def main() -> None:
    args = parse_args()
    tool = load_tool()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        videos = [folder / f'video{index}.mp4' for index in range(args.videos)]
        for seed, video in enumerate(videos):
            write_video(video, args.frames, tuple(args.size), seed)
        short = folder / 'short.mp4'
        write_video(short, 2, tuple(args.size), args.videos)
        loop = partial(plain, videos, args.method, args.short_side)
        own = cv2.getNumThreads()
        settings = tool.Settings(args.method, short_side=args.short_side)
        methods: dict[str, Method] = {
            'plain loop, 1 thread': partial(loop, 1),
            f'plain loop, {own} threads': partial(loop, own),
        }
        for workers in [0, *args.processes]:
            label = f'{workers} processes' if workers else 'in this process'
            methods[f'extract_flow, {label}'] = partial(
                with_tool, tool, videos, short, (settings, workers)
            )
        found = measure(methods, folder, args.turns)
    frames = args.videos * args.frames
    print(
        f'{args.method}, {args.videos} videos of {args.frames} frames, '
        f'{args.size[1]}x{args.size[0]}, short side {args.short_side}; medians of '
        f'{args.turns} turns, quartiles in brackets\n\n'
        '| method | frames/s | speed relative to the plain loop |\n|---|---|---|'
    )
    first = next(iter(methods))
    for name, seconds in found.items():
        rate = frames / statistics.median(seconds)
        speed = '1' if name == first else ratios(found, first, name)
        print(f'| {name} | {rate:.1f} | {speed} |')


if __name__ == '__main__':
    main()
