# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Frames and flow that are extracted, from videos of which everything is known."""

import re

import cv2
import numpy as np
import pytest

from dynkd.datasets.flow import dequantise_flow

KEEP = ['--fps', '0', '--short-side', '0', '--method', 'farneback', '--workers', '0']


@pytest.fixture(scope='module')
def tool(import_converter):
    return import_converter('extract_flow')


def write_grey(path, frames):
    """Write a video of one channel, of any size: OpenCV's writer crops odd ones."""
    path.parent.mkdir(parents=True, exist_ok=True)
    frames = list(frames)
    height, width = frames[0].shape
    data = [f'YUV4MPEG2 W{width} H{height} F25:1 Ip A1:1 Cmono\n'.encode()]
    data += [b'FRAME\n' + frame.tobytes() for frame in frames]
    path.write_bytes(b''.join(data))


def numbered(count, size=(32, 48)):
    """Frames whose grey value tells which they are."""
    return [np.full((*size, 3), 20 + 4 * index, np.uint8) for index in range(count)]


def numbers(folder):
    """Which frames were written, told by their grey values."""
    files = sorted(folder.glob('img_*.jpg'))
    values = [cv2.imread(str(file)).mean() for file in files]
    assert [file.name for file in files] == [
        f'img_{i:05}.jpg' for i in range(1, len(files) + 1)
    ]
    return [round((value - 20) / 4) for value in values]


def flows(folder):
    """All flow of a video, in pixels, of shape (T, H, W, 2)."""
    axes = [
        np.stack(
            [cv2.imread(str(f), cv2.IMREAD_UNCHANGED) for f in sorted(folder.glob(p))]
        )
        for p in ('flow_x_*.jpg', 'flow_y_*.jpg')
    ]
    return dequantise_flow(np.stack(axes, axis=-1))


@pytest.mark.parametrize('method', ['tvl1', 'dis', 'farneback'])
@pytest.mark.parametrize(('u', 'v'), [(3, -1), (-2, 2)])
def test_flow_is_the_motion_with_its_signs(
    tool, tmp_path, method, u, v, write_video, moving
):
    write_video(tmp_path / 'in' / 'one.mp4', moving(u, v, frames=4))
    arguments = [str(tmp_path / 'in'), str(tmp_path / 'out'), *KEEP]
    assert tool.main([*arguments, '--method', method]) == 0
    found = flows(tmp_path / 'out' / 'one')
    # As many as frames: the last one is that before it.
    assert found.shape == (4, 48, 64, 2)
    assert (found[-1] == found[-2]).all()
    medians = np.median(found[:, 10:-10, 10:-10], axis=(1, 2))
    assert np.abs(medians - (u, v)).max() < 0.2


def test_flow_belongs_to_the_frame_it_starts_at(tool, tmp_path, write_video, moving):
    """Motion stops in the middle; the first half has flow, the second has none."""
    frames = list(moving(2, 0, frames=4))
    write_video(tmp_path / 'in' / 'one.mp4', [*frames, *([frames[-1]] * 3)])
    assert tool.main([str(tmp_path / 'in'), str(tmp_path / 'out'), *KEEP]) == 0
    found = np.median(flows(tmp_path / 'out' / 'one')[:, 10:-10, 10:-10, 0], (1, 2))
    assert np.abs(found - [2, 2, 2, 0, 0, 0, 0]).max() < 0.2


def test_defaults_are_those_of_the_paper(tool, tmp_path, write_video, moving):
    """25 frames a second, short side 256, TV-L1: computed by hand, to the last bit."""
    source = list(moving(2, 1, frames=3, height=32, width=42))
    write_video(tmp_path / 'in' / 'one.mp4', source)
    out = tmp_path / 'out'
    assert tool.main([str(tmp_path / 'in'), str(out), '--workers', '0']) == 0
    size = (256 * 42 // 32, 256)
    frames = [cv2.resize(f, size, interpolation=cv2.INTER_LINEAR) for f in source]
    grey = [cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY) for frame in frames]
    flow = cv2.optflow.DualTVL1OpticalFlow_create().calc(grey[0], grey[1], None)
    for axis, name in enumerate(('flow_x', 'flow_y')):
        image = np.rint((np.clip(flow[..., axis], -20, 20) + 20) * 6.375)
        expected = cv2.imencode('.jpg', image.astype(np.uint8))[1].tobytes()
        assert (out / 'one' / f'{name}_00001.jpg').read_bytes() == expected
    expected = cv2.imencode('.jpg', frames[2])[1].tobytes()
    assert (out / 'one' / 'img_00003.jpg').read_bytes() == expected
    assert len(list((out / 'one').iterdir())) == 9


@pytest.mark.parametrize('method', ['tvl1', 'dis', 'farneback'])
def test_video_without_motion_has_the_middle_everywhere(tool, tmp_path, method):
    write_grey(tmp_path / 'in' / 'one.avi', [np.full((33, 47), 99, np.uint8)] * 3)
    arguments = [str(tmp_path / 'in'), str(tmp_path / 'out'), *KEEP]
    assert tool.main([*arguments, '--method', method]) == 0
    for path in (tmp_path / 'out' / 'one').glob('flow_*.jpg'):
        image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert image.shape == (33, 47) and (image == 128).all()


def test_video_of_a_single_frame(tool, tmp_path, write_video, moving):
    write_video(tmp_path / 'in' / 'one.mp4', moving(0, 0, frames=1))
    assert tool.main([str(tmp_path / 'in'), str(tmp_path / 'out'), *KEEP]) == 0
    found = flows(tmp_path / 'out' / 'one')
    assert found.shape == (1, 48, 64, 2) and np.abs(found).max() < 0.1


@pytest.mark.parametrize(('height', 'width'), [(37, 51), (51, 37), (36, 36)])
def test_odd_sizes_keep_their_proportions(tool, tmp_path, height, width, moving):
    write_grey(tmp_path / 'in' / 'a.avi', moving(1, 0, 2, height, width, 1))
    for side in (0, 23, 64):
        out = tmp_path / str(side)
        arguments = [str(tmp_path / 'in'), str(out), *KEEP, '--short-side', str(side)]
        assert tool.main(arguments) == 0
        scale = side / min(height, width) if side else 1
        expected = (round(height * scale), round(width * scale))
        for name in ('img_00001', 'flow_x_00002', 'flow_y_00001'):
            image = cv2.imread(str(out / 'a' / f'{name}.jpg'), cv2.IMREAD_GRAYSCALE)
            assert image.shape == expected
            assert not side or min(image.shape) == side


def test_grey_video(tool, tmp_path, moving):
    source = list(moving(2, 0, channels=1))
    write_grey(tmp_path / 'in' / 'one.avi', source)
    assert tool.main([str(tmp_path / 'in'), str(tmp_path / 'out'), *KEEP]) == 0
    found = flows(tmp_path / 'out' / 'one')[:, 10:-10, 10:-10]
    assert np.abs(np.median(found, axis=(1, 2)) - (2, 0)).max() < 0.2
    image = cv2.imread(str(tmp_path / 'out' / 'one' / 'img_00001.jpg'))
    assert (image[..., 0] == image[..., 2]).all()
    assert np.abs(image[..., 0].astype(int) - source[0]).mean() < 1


@pytest.mark.parametrize(
    ('source', 'fps', 'expected'),
    [
        (25, 25, [*range(10)]),
        (50, 25, [0, 2, 4, 6, 8]),
        (12.5, 25, [i // 2 for i in range(20)]),
        (30, 25, [0, 1, 2, 3, 4, 6, 7, 8, 9]),
        (
            10,
            25,
            [0, 0, 0, 1, 1, 2, 2, 2, 3, 3, 4, 4, 4, 5, 5, 6, 6, 6, 7, 7, 8, 8, 8]
            + [9, 9],
        ),
        (30, 0, [*range(10)]),
    ],
)
def test_rates(tool, tmp_path, capsys, source, fps, expected, write_video):
    write_video(tmp_path / 'in' / 'one.mp4', numbered(10), source)
    arguments = [str(tmp_path / 'in'), str(tmp_path / 'out'), *KEEP, '--fps', str(fps)]
    assert tool.main(arguments) == 0
    assert numbers(tmp_path / 'out' / 'one') == expected
    repeated = len(expected) - len(set(expected))
    said = re.search(r'(\d+) frames are repeated', capsys.readouterr().out)
    assert int(said[1] if said else 0) == repeated


def test_repeated_frames_do_not_move(tool, tmp_path, write_video, moving):
    write_video(tmp_path / 'in' / 'one.mp4', moving(3, 0, frames=3), 12.5)
    arguments = [str(tmp_path / 'in'), str(tmp_path / 'out'), *KEEP, '--fps', '25']
    assert tool.main(arguments) == 0
    found = flows(tmp_path / 'out' / 'one')
    assert np.abs(found[::2]).max() < 0.1
    medians = np.median(found[1:-2:2, 10:-10, 10:-10, 0], (1, 2))
    assert np.abs(medians - 3).max() < 0.2
