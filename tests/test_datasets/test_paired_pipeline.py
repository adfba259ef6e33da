# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Clips from the files to the step: data sets, loaders, two streams."""

import numpy as np
import pytest
import torch
from mmengine.dataset import RepeatDataset
from mmengine.registry import DATASETS, DefaultScope
from mmengine.runner import Runner
from torch.utils.data import DistributedSampler

from dynkd.datasets.flow import dequantise_flow, quantise_flow

LENGTHS, CLIP = (11, 5, 20, 16), 6
MOTIONS = ((2, 1), (-3, 0), (1, -2), (0, 3))
JPEGS = dict(images='img_{:05}.jpg', files='flow_{}_{:05}.jpg')
RGB_MEAN = [114.7748, 107.7354, 99.4750]
TRAIN = [
    dict(type='RandomCrop', size=40),
    dict(type='Flip', flip_ratio=0.5),
    dict(type='FormatShape', input_format='NCTHW'),
]
TEST = [dict(type='CenterCrop', crop_size=32), TRAIN[-1]]
META = dict(type='dynkd.PackModalities', meta_keys=('flip', 'frame_inds', 'sample_idx'))


@pytest.fixture
def raw(tmp_path, moving, write_raw):
    """Four videos as raw frames, each with a motion of its own."""
    lines = []
    for index, (length, (u, v)) in enumerate(zip(LENGTHS, MOTIONS)):
        flow = quantise_flow(np.full((48, 65, 2), (u, v), np.float32))
        frames = moving(length, u=u, v=v)
        write_raw(tmp_path / str(index), frames, [flow] * (length - 1), **JPEGS)
        lines.append(f'{index} {length} {index}')
    (tmp_path / 'frames.txt').write_text('\n'.join(lines))
    return tmp_path


@pytest.fixture
def videos(raw, moving, write_video):
    """The same as videos, whose flow is in folders elsewhere."""
    for index, (length, (u, v)) in enumerate(zip(LENGTHS, MOTIONS)):
        path = raw / 'videos' / f'{index}.mp4'
        write_video(path, moving(length, u=u, v=v))
    lines = [f'{index}.mp4 {index}' for index in range(len(LENGTHS))]
    (raw / 'videos.txt').write_text('\n'.join(lines))
    return raw


def frames_config(root, read, transforms, pack=None) -> dict:
    return dict(
        type='mmaction.RawframeDataset',
        ann_file=str(root / 'frames.txt'),
        data_prefix=dict(img=str(root)),
        pipeline=[
            *read,
            dict(type='dynkd.PairedTransforms', transforms=transforms),
            pack or META,
        ],
    )


def train_config(root) -> dict:
    read = [dict(type='SampleFrames', clip_len=CLIP), dict(type='RawFrameDecode')]
    return frames_config(root, [*read, dict(type='dynkd.LoadFlow')], TRAIN)


def videos_config(root, flow) -> dict:
    computed = flow['type'] == 'dynkd.ComputeFlow'
    read = [
        dict(type='DecordInit'),
        dict(type='SampleFrames', clip_len=CLIP),
        *([] if computed else [dict(type='DecordDecode')]),
        flow,
    ]
    config = frames_config(root, [dict(type='dynkd.ReadClip', transforms=read)], TRAIN)
    config.update(
        type='mmaction.VideoDataset',
        ann_file=str(root / 'videos.txt'),
        data_prefix=dict(video=str(root / 'videos')),
    )
    return config


def build_data(config):
    with DefaultScope.overwrite_default_scope('mmaction'):
        return DATASETS.build(config)


def assert_moves(packed, index: int, tolerance: float) -> None:
    """Flow says how far the pixels of a frame go to the next, where they are shown."""
    sample = packed['data_samples']
    u, v = MOTIONS[index]
    u = -u if sample.flip else u
    flow = dequantise_flow(packed['inputs']['flow'][0].numpy())
    centre = np.median(flow[:, :, 10:-10, 10:-10], (2, 3))
    assert np.abs(centre.T - (u, v)).max() < 0.3
    frames = packed['inputs']['rgb'][0].float()
    inside = slice(5, -5)
    for time in range(CLIP - 1):
        if sample.frame_inds[time + 1] < sample.frame_inds[time]:
            continue  # a short video begins again
        moved = torch.roll(frames[:, time], (v, u), (1, 2))[:, inside, inside]
        error = (moved - frames[:, time + 1, inside, inside]).abs().mean()
        assert error < tolerance
        wrong = torch.roll(frames[:, time], (v, -u or 4), (1, 2))[:, inside, inside]
        assert (wrong - frames[:, time + 1, inside, inside]).abs().mean() > 2 * error


@pytest.mark.parametrize('index', range(4))
def test_raw_frames(raw, index):
    data, flips = build_data(train_config(raw)), set()
    for _ in range(6):
        packed = data[index]
        shapes = {name: own.shape for name, own in packed['inputs'].items()}
        assert shapes == dict(rgb=(1, 3, CLIP, 40, 40), flow=(1, 2, CLIP, 40, 40))
        assert_moves(packed, index, 2.5)
        assert packed['data_samples'].gt_label.item() == index
        flips.add(bool(packed['data_samples'].flip))
    assert flips == {False, True}


@pytest.mark.parametrize('kind', ['LoadFlow', 'ComputeFlow'])
def test_videos(videos, kind):
    load = dict(flow_root=str(videos), data_root=str(videos / 'videos'))
    arguments = load if kind == 'LoadFlow' else dict(method='dis')
    data = build_data(videos_config(videos, dict(type=f'dynkd.{kind}', **arguments)))
    for index in range(4):
        assert_moves(data[index], index, 8)


@pytest.mark.parametrize('name', ['rgb', 'flow'])
def test_one_modality_is_that_of_the_pair(raw, name):
    """The same draws, whether the other one is loaded or not."""
    decode = dict(rgb=dict(type='RawFrameDecode'), flow=dict(type='dynkd.LoadFlow'))
    read = [dict(type='SampleFrames', clip_len=CLIP), decode[name]]
    pack = dict(type='dynkd.PackModalities', modalities=name)
    alone = build_data(frames_config(raw, read, TRAIN, pack))
    pair = build_data(train_config(raw))
    for index in range(4):
        np.random.seed(index)
        expected = pair[index]['inputs'][name]
        np.random.seed(index)
        assert torch.equal(alone[index]['inputs'], expected)


# ------------------------------------------------------------------------- loaders


def load(config, workers: int = 0, seed: int = 5) -> list[dict]:
    cfg = dict(
        dataset=config,
        batch_size=2,
        num_workers=workers,
        sampler=dict(type='DefaultSampler', shuffle=True),
        collate_fn=dict(type='pseudo_collate'),
    )
    np.random.seed(seed)
    with DefaultScope.overwrite_default_scope('mmaction'):
        return list(Runner.build_dataloader(cfg, seed=seed))


def same(first: list[dict], second: list[dict]) -> bool:
    return all(
        torch.equal(a, b)
        for one, other in zip(first, second)
        for name in ('rgb', 'flow')
        for a, b in zip(one['inputs'][name], other['inputs'][name])
    )


@pytest.mark.parametrize('workers', [0, 2])
def test_draws_are_those_of_the_seed(raw, workers):
    first, again, other = (load(train_config(raw), workers, seed) for seed in (5, 5, 6))
    assert [len(batch['inputs']['flow']) for batch in first] == [2, 2]
    assert same(first, again) and not same(first, other)
    for batch in first:
        for place, sample in enumerate(batch['data_samples']):
            inputs = {name: own[place] for name, own in batch['inputs'].items()}
            packed = dict(inputs=inputs, data_samples=sample)
            assert_moves(packed, sample.sample_idx, 2.5)


def test_repeated_and_distributed(raw):
    with DefaultScope.overwrite_default_scope('mmaction'):
        data = RepeatDataset(train_config(raw), times=2)
    assert len(data) == 8
    seen = []
    for rank in range(2):
        sampler = DistributedSampler(data, num_replicas=2, rank=rank, seed=1)
        for index in sampler:
            packed = data[index]
            assert_moves(packed, packed['data_samples'].sample_idx, 2.5)
            seen.append(packed['data_samples'].sample_idx)
    assert sorted(seen) == [0, 0, 1, 1, 2, 2, 3, 3]


# --------------------------------------------------------------------------- steps


def recognizer(channels: int, mean: list[float]) -> dict:
    return dict(
        type='mmaction.Recognizer3D',
        backbone=dict(
            type='ResNet3d',
            pretrained=None,
            pretrained2d=False,
            depth=18,
            in_channels=channels,
            base_channels=8,
            conv1_kernel=(3, 3, 3),
            inflate=(0, 0, 0, 0),
        ),
        cls_head=dict(
            type='I3DHead',
            in_channels=64,
            num_classes=4,
            spatial_type='avg',
            average_clips='prob',
        ),
        data_preprocessor=dict(
            type='ActionDataPreprocessor',
            mean=mean,
            std=[1.0] * channels,
            format_shape='NCTHW',
        ),
    )


@pytest.fixture
def pair(build):
    heads = dict(source='teacher.cls_head', target='student.cls_head')
    return build(
        student=dict(
            model=recognizer(3, RGB_MEAN), input='rgb', input_shape=(1, 3, 4, 32, 32)
        ),
        teacher=dict(
            model=recognizer(2, [127.5] * 2),
            input='flow',
            input_shape=(1, 2, 4, 32, 32),
        ),
        transfers=dict(
            loss_student=dict(heads, loss=dict(type='KLDLoss')),
            loss_teacher=dict(
                source=heads['target'],
                target=heads['source'],
                loss=dict(type='KLDLoss'),
            ),
        ),
    )


def test_a_step_gives_each_stream_its_own(raw, pair, snapshot, moved):
    seen = {}
    for name in ('student', 'teacher'):
        pair.stream(name).model.backbone.register_forward_pre_hook(
            lambda module, args, name=name: seen.update({name: args[0].clone()})
        )
    (batch, _), before = load(train_config(raw)), snapshot(pair)
    optimizer = torch.optim.SGD(pair.parameters(), lr=0.1)
    losses = pair(**pair.data_preprocessor(batch, True), mode='loss')
    assert losses['loss_student'] > 0 and losses['loss_teacher'] > 0
    sum(value for name, value in losses.items() if 'loss' in name).backward()
    optimizer.step()
    changed = moved(before, snapshot(pair))
    for name, key, mean in (
        ('student', 'rgb', torch.tensor(RGB_MEAN)),
        ('teacher', 'flow', torch.tensor([127.5] * 2)),
    ):
        clips = torch.cat(batch['inputs'][key]).float() - mean[:, None, None, None]
        torch.testing.assert_close(seen[name], clips)
        assert f'streams.{name}.backbone.conv1.conv.weight' in changed


def test_all_clips_are_averaged(raw, pair):
    """The score of a video is the mean of those of its clips, in each stream."""
    read = [
        dict(type='dynkd.SampleAllClips', clip_len=CLIP),
        dict(type='RawFrameDecode'),
        dict(type='dynkd.LoadFlow'),
    ]
    data = build_data(frames_config(raw, read, TEST))
    pair.eval()
    for index, clips in enumerate((1, 1, 3, 2)):
        packed = data[index]
        batch = {
            'inputs': {name: [own] for name, own in packed['inputs'].items()},
            'data_samples': [packed['data_samples']],
        }
        assert packed['inputs']['rgb'].shape == (clips, 3, CLIP, 32, 32)
        frames = packed['data_samples'].frame_inds - 1
        expected = np.arange(clips * CLIP) % LENGTHS[index]
        assert frames.tolist() == expected.tolist()
        with torch.no_grad():
            found = pair.predict_streams(batch)
            for name, key, mean in (
                ('student', 'rgb', torch.tensor(RGB_MEAN)),
                ('teacher', 'flow', torch.tensor([127.5] * 2)),
            ):
                model = pair.stream(name).model
                clip = packed['inputs'][key].float() - mean[:, None, None, None]
                scores = [
                    model.cls_head(model.backbone(own[None])).softmax(1) for own in clip
                ]
                torch.testing.assert_close(
                    found[name][0].pred_score, torch.cat(scores).mean(0)
                )
