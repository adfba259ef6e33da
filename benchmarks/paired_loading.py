# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Time of loading a clip with its flow beside MMAction2's loading of one of them.

All load clips of the same raw frames, made for the purpose: a texture that moves, and
smooth flow, as JPEGs with a short side of 256. Each clip is decoded, cropped, flipped
and packed, in one process, taking turns:

- ``rgb``, ``flow``: MMAction2's own pipeline of the frames, and of the flow.
- ``paired``: both, aligned.
- ``flow alone``: the flow, by the transforms of the pair.
- ``computed``: the frames, and flow that is computed from them by DIS.

A turn gives a ratio for each; medians and quartiles of these ratios are printed.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.registry import DATASETS, init_default_scope
from side_by_side import CLOCKS, Step, add_options, measure, milliseconds, ratios

#: What each is compared with: the sum of these.
PARTS = {
    'paired': (('rgb',), ('rgb', 'flow')),
    'flow alone': (('flow',),),
    'computed': (('rgb',),),
}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--clip-len', type=int, default=64, help='frames of a clip')
    parser.add_argument('--crop', type=int, default=112, help='pixels of a side')
    parser.add_argument('--videos', type=int, default=3)
    add_options(parser, turns=12)
    return parser.parse_args()


def smooth(height: int, width: int, sigma: float, low: int, high: int) -> np.ndarray:
    """Noise without fine detail, in a range of values."""
    noise = cv2.GaussianBlur(np.random.rand(height, width), (0, 0), sigma)
    return cv2.normalize(noise, None, low, high, cv2.NORM_MINMAX).astype(np.uint8)


def write_videos(args: argparse.Namespace, root: Path) -> None:
    """Raw frames, their flow and the annotation file."""
    length, lines = args.clip_len + 16, []
    for index in range(args.videos):
        folder = root / str(index)
        folder.mkdir()
        shape = (256 + length, 340 + length)
        texture = np.stack([smooth(*shape, s, 0, 255) for s in (1.5, 3, 6)], axis=-1)
        for step in range(length):
            frame = texture[step : step + 256, step : step + 340]
            cv2.imwrite(str(folder / f'img_{step + 1:05}.jpg'), frame)
            for axis in 'xy':
                flow = smooth(256, 340, 12, 90, 160)
                cv2.imwrite(str(folder / f'flow_{axis}_{step + 1:05}.jpg'), flow)
        lines.append(f'{index} {length} {index}')
    (root / 'train.txt').write_text('\n'.join(lines) + '\n')


def data_set(
    args: argparse.Namespace,
    root: Path,
    read: list[dict],
    pack: dict,
    **options: Any,
) -> Step:
    """Loading of a clip by a pipeline, given the number of its video."""
    geometry = [
        dict(type='RandomCrop', size=args.crop),
        dict(type='Flip', flip_ratio=0.5),
        dict(type='FormatShape', input_format='NCTHW'),
    ]
    if pack['type'] == 'dynkd.PackModalities':
        geometry = [dict(type='dynkd.PairedTransforms', transforms=geometry)]
    sample = dict(type='SampleFrames', clip_len=args.clip_len)
    config = dict(
        type='RawframeDataset',
        ann_file=str(root / 'train.txt'),
        data_prefix=dict(img=str(root)),
        pipeline=[sample, *read, *geometry, pack],
        **options,
    )
    return DATASETS.build(config).__getitem__


def loadings(args: argparse.Namespace, root: Path) -> dict[str, Step]:
    """The loading of each kind."""
    decode, load = dict(type='RawFrameDecode'), dict(type='dynkd.LoadFlow')
    computed = dict(type='dynkd.ComputeFlow', method='dis')
    plain = dict(type='PackActionInputs')
    both = dict(type='dynkd.PackModalities')
    flow = dict(modality='Flow', filename_tmpl='flow_{}_{:05}.jpg')
    return {
        'rgb': data_set(args, root, [decode], plain),
        'flow': data_set(args, root, [decode], plain, **flow),
        'paired': data_set(args, root, [decode, load], both),
        'flow alone': data_set(args, root, [load], dict(both, modalities='flow')),
        'computed': data_set(args, root, [computed], both),
    }


def main() -> None:
    args = parse_args()
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(args.threads)
    np.random.seed(args.seed)
    init_default_scope('mmaction')
    with tempfile.TemporaryDirectory() as folder:
        write_videos(args, Path(folder))
        steps = loadings(args, Path(folder))
        videos = list(range(args.videos))
        found = measure(steps, videos, args.turns, CLOCKS[args.clock])
    print(
        f'Clips of {args.clip_len} frames, 256x340 cropped to {args.crop}x{args.crop}, '
        f'{args.threads} threads, {args.clock} time, {args.turns} turns; median '
        '(quartiles)\n\n'
        '| pipeline | time, ms | relative to | ratio |\n|---|---|---|---|'
    )
    for name in steps:
        for parts in PARTS.get(name, ((name,),)):
            shown = f'{milliseconds(found, name)} | {" + ".join(parts)}'
            print(f'| {name} | {shown} | {ratios(found, name, *parts)} |')


if __name__ == '__main__':
    main()
