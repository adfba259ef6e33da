# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The figure of a clip and its flow: which frames, which colours, what is refused."""

import cv2
import numpy as np
import pytest

from dynkd.datasets.flow import quantise_flow


@pytest.fixture(scope='module')
def tool(import_tool):
    return import_tool('analysis_tools/flow_figure')


@pytest.fixture
def clip(tmp_path):
    """Write a clip that moves as a whole, as extracted frames and flow."""

    def write(name='clip', frames=9, motion=(4, 0)):
        folder = tmp_path / name
        folder.mkdir()
        parts = quantise_flow(np.array(motion, np.float32))
        for number in range(1, frames + 1):
            frame = np.full((24, 32, 3), (30, 60, 200), np.uint8)
            cv2.imwrite(str(folder / f'img_{number:05}.jpg'), frame)
            for axis, value in zip('xy', parts):
                path = folder / f'flow_{axis}_{number:05}.jpg'
                cv2.imwrite(str(path), np.full((24, 32), value, np.uint8))
        return folder

    return write


@pytest.mark.parametrize(
    'motion, colour',
    [
        ((4, 0), (255, 0, 0)),
        ((0, 0), (255, 255, 255)),
        ((-4, 0), (0, 255, 255)),
        ((2, 0), (255, 128, 128)),
    ],
)
def test_direction_is_colour_and_speed_its_strength(tool, motion, colour):
    shown = tool.colours(np.full((2, 3, 2), motion, np.float32), fastest=4)
    assert shown.shape == (2, 3, 3) and shown.dtype == np.uint8
    assert np.abs(shown.astype(int) - colour).max() <= 1


def test_the_eight_directions_have_colours_of_their_own(tool):
    angles = np.arange(8) * np.pi / 4
    flow = np.stack([np.cos(angles), np.sin(angles)], -1)[None].astype(np.float32)
    shown = tool.colours(flow, fastest=1)[0].astype(int)
    distances = np.abs(shown[:, None] - shown[None]).sum(-1)
    assert distances[~np.eye(8, dtype=bool)].min() > 60


def test_frames_are_spread_over_the_clip(tool, clip):
    folder = clip(frames=9)
    assert tool.choose(folder, 3) == [1, 4, 8]
    assert tool.choose(folder, 9) == list(range(1, 10))
    assert tool.choose(folder, 1) == [1]


def test_a_figure_shows_frames_and_flow(tool, clip, tmp_path, capsys):
    out = tmp_path / 'new' / 'clip.png'
    one, other = clip('right'), clip('down', motion=(0, 4))
    tool.main([str(one), '--out', str(out), '--frames', '3'])
    assert str(out) in capsys.readouterr().out
    image = cv2.imread(str(out))

    def share(image, *colour):
        return (np.abs(image.astype(int) - colour).max(-1) <= 6).mean()

    # The frame; its flow to the right, in red; v, grey.
    for colour in ((30, 60, 200), (0, 0, 255), (128, 128, 128)):
        assert share(image, *colour) > 0.1
    # u, white; black where all moves to the left.
    tool.main([str(clip('left', motion=(-4, 0))), '--out', str(out), '--frames', '3'])
    left = cv2.imread(str(out))
    assert share(left, 0, 0, 0) - share(image, 0, 0, 0) > 0.1
    assert share(left, 255, 255, 0) > 0.1
    tool.main([str(one), str(other), '--out', str(out), '--titles', 'a', 'b'])
    both = cv2.imread(str(out))
    assert both.shape[0] > 1.8 * image.shape[0]


def test_a_clip_without_its_flow(tool, clip, tmp_path):
    folder = clip()
    (folder / 'flow_y_00004.jpg').unlink()
    with pytest.raises(SystemExit, match='has no flow_y_00004.jpg: extract its flow'):
        tool.main([str(folder), '--out', str(tmp_path / 'a.png'), '--frames', '3'])


def test_a_clip_with_too_few_frames(tool, clip, tmp_path):
    with pytest.raises(SystemExit, match='has 4 frames .* 6 are asked'):
        tool.main([str(clip(frames=4)), '--out', str(tmp_path / 'a.png')])


def test_a_broken_image_is_named(tool, clip, tmp_path):
    folder = clip()
    (folder / 'flow_x_00001.jpg').write_bytes(b'no image')
    with pytest.raises(SystemExit, match='flow_x_00001.jpg is not an image'):
        tool.main([str(folder), '--out', str(tmp_path / 'a.png')])


@pytest.mark.parametrize(
    'options, message',
    [
        (['--out', 'a.svg'], 'must end with .png'),
        (['--out', 'a.png', '--frames', '0'], 'must be 1 or more'),
        (['--out', 'a.png', '--titles', 'a', 'b'], '2 --titles for 1 clips'),
    ],
)
def test_wrong_options_are_refused(tool, options, message, capsys):
    with pytest.raises(SystemExit):
        tool.main(['clip', *options])
    assert message in capsys.readouterr().err
