# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The moving digits: motion tells the class, and no single frame does."""

import sys
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.stats import chisquare

from dynkd.datasets.flow import compute_flow


@pytest.fixture(scope='module')
def tool(import_converter):
    return import_converter('digits')


@pytest.fixture(scope='module')
def motion(tool):
    return sys.modules['digits_motion']


@pytest.fixture(scope='module')
def scans(tool):
    return tool.load_digits()


@pytest.fixture(scope='module')
def settings(tool):
    return tool.Settings(seed=3, clips=(16, 9), frames=6, clip_size=66)


@pytest.fixture(scope='module')
def data(tool, settings, tmp_path_factory):
    out = tmp_path_factory.mktemp('digits')
    assert tool.convert(out, 'video', settings)
    return out / 'video'


def compose(motion, scans, direction, seed, frames=8):
    rng = np.random.default_rng(seed)
    return motion.compose_clip(scans, direction, 64, frames, rng)


def lines(data, split):
    rows = [row.split() for row in (data / f'{split}.txt').read_text().splitlines()]
    return [(name, int(label)) for name, label in rows]


def test_directions_turn_by_an_eighth_each(motion, scans):
    """Right first, then clockwise as seen on the screen, where y points down."""
    signs = dict(right=(1, 0), left=(-1, 0), up=(0, -1), down=(0, 1))
    for direction, name in enumerate(motion.DIRECTIONS):
        velocity = compose(motion, scans, direction, 0).velocity
        expected = np.sum([signs[word] for word in name.split('_')], axis=0)
        unit = velocity / np.linalg.norm(velocity)
        assert np.allclose(unit, expected / np.linalg.norm(expected))
    assert len(set(motion.DIRECTIONS)) == 8


def test_pixels_move_as_the_class_says(motion, scans):
    """Flow of another author, where the digit is, against the direction."""
    right = 0
    for seed in range(40):
        direction = seed % 8
        clip = compose(motion, scans, direction, seed, frames=3)
        flow = compute_flow(clip.pixels[0], clip.pixels[1], 'dis')
        moving = np.abs(flow).max(axis=2) > 0.4
        u, v = flow[moving].mean(axis=0)
        turn = np.arctan2(v, u) / (2 * np.pi) * 8
        right += round(turn) % 8 == direction
    assert right >= 38


def test_speed_is_even_and_differs_between_clips(motion, scans):
    speeds = []
    for seed in range(50):
        clip = compose(motion, scans, seed % 8, seed)
        steps = (np.diff(clip.places, axis=0) + 32) % 64 - 32
        assert np.allclose(steps, clip.velocity)
        speeds.append(np.linalg.norm(clip.velocity))
    low, high = motion.SPEED
    assert low <= min(speeds) < low + 0.3 and high - 0.3 < max(speeds) <= high


def test_first_frame_is_the_same_for_all_directions(motion, scans):
    for seed in range(4):
        clips = [compose(motion, scans, d, seed, frames=2) for d in range(8)]
        assert all((clip.pixels[0] == clips[0].pixels[0]).all() for clip in clips)
        assert len({clip.pixels[1].tobytes() for clip in clips}) == 8


def test_every_frame_is_one_that_any_direction_could_have(motion, scans):
    """A frame depends on the place alone, however the digit came there."""
    drawn = {}
    draw = motion.draw_frame

    def record(background, alpha, ink, place):
        drawn.update(background=background, alpha=alpha, ink=ink)
        return draw(background, alpha, ink, place)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(motion, 'draw_frame', record)
        clip = compose(motion, scans, 3, 5)
    for place, pixels in zip(clip.places, clip.pixels):
        assert (draw(**drawn, place=place) == pixels).all()


def test_places_are_even_in_every_direction(motion, scans):
    """A start that is even, but no wrapping, would leave the last frame uneven."""
    for direction in range(8):
        clips = [compose(motion, scans, direction, seed, 20) for seed in range(60)]
        places = np.stack([clip.places for clip in clips], axis=1)
        assert places.min() >= 0 and places.max() < 64
        for frame in (0, 10, 19):
            for axis in (0, 1):
                counts, _ = np.histogram(places[frame, :, axis], 4, range=(0, 64))
                assert chisquare(counts).pvalue > 1e-3


def test_what_leaves_on_one_side_comes_back_on_the_other(motion):
    background = np.zeros((32, 32, 3), np.uint8)
    alpha = np.ones((6, 4))
    ink = np.array([200.0, 100.0, 50.0])
    found = motion.draw_frame(background, alpha, ink, np.array([30.0, 29.0]))
    rows, columns = np.nonzero(found[..., 0])
    assert sorted(set(rows)) == [0, 1, 2, 29, 30, 31]
    assert sorted(set(columns)) == [0, 1, 30, 31]
    assert (found[rows, columns] == (200, 100, 50)).all() and len(rows) == 24
    # Between two pixels, each has its part.
    found = motion.draw_frame(background, alpha, ink, np.array([8.25, 4.0]))
    assert found[6, 7:14, 0].tolist() == [0, 150, 200, 200, 200, 50, 0]
    found = motion.draw_frame(background, alpha, ink, np.array([8.0, 4.25]))
    assert found[3:12, 9, 0].tolist() == [0, 150, 200, 200, 200, 200, 200, 50, 0]


def test_background_stays(motion, scans):
    clip = compose(motion, scans, 1, 7)
    height, width = clip.shape
    for place, pixels in zip(clip.places, clip.pixels):
        left, top = np.floor(place).astype(int)
        inside = np.zeros((64, 64), bool)
        rows = (top + np.arange(height + 1)) % 64
        inside[rows[:, None], (left + np.arange(width + 1)) % 64] = True
        assert (pixels == clip.background)[~inside].all()
        assert (pixels != clip.background)[inside].any(axis=-1).mean() > 0.15


def test_lists_and_folders(data, settings, motion):
    assert (data / 'classes.txt').read_text().split() == list(motion.DIRECTIONS)
    for split, count in zip(('train', 'val'), settings.clips):
        rows = lines(data, split)
        files = {str(path.relative_to(data)) for path in data.rglob(f'{split}/*/*.mp4')}
        assert files == {name for name, _ in rows} and len(rows) == count
        assert {Path(n).parts[0] for n, _ in rows} == {split}
        assert all(Path(n).parts[1] == motion.DIRECTIONS[label] for n, label in rows)
    assert set(Counter(label for _, label in lines(data, 'train')).values()) == {2}


def test_videos_have_no_loss(tool, data, settings, motion):
    parts = tool.split_digits(tool.load_digits(), settings)
    for index, (name, label) in enumerate(lines(data, 'val')[:3]):
        rng = settings.generator(3, 1, index)
        clip = motion.compose_clip(parts['val'], label, 66, 6, rng)
        capture = cv2.VideoCapture(str(data / name))
        assert capture.get(cv2.CAP_PROP_FPS) == 25
        for frame in clip.pixels:
            ok, found = capture.read()
            assert ok and (found[..., ::-1] == frame).all()
        assert not capture.read()[0]


def test_no_scan_is_in_both_splits(tool, settings, motion):
    parts = tool.split_digits(tool.load_digits(), settings)
    used = {
        split: {
            motion.compose_clip(part, 0, 66, 2, settings.generator(3, n, i)).scan
            for i in range(20)
        }
        for n, (split, part) in enumerate(parts.items())
    }
    val = set(parts['val'].scans.tolist())
    assert used['val'] <= val and not used['train'] & val


def test_same_seed_same_bytes_other_seed_other_bytes(
    content, tool, settings, data, tmp_path
):
    tool.convert(tmp_path / 'same', 'video', settings)
    assert content(tmp_path / 'same' / 'video') == content(data)
    other = tool.Settings(seed=4, clips=(1, 1), frames=6, clip_size=66)
    tool.convert(tmp_path / 'other', 'video', other)
    name = 'train/right/000000.mp4'
    assert content(tmp_path / 'other' / 'video')[name] != content(data)[name]


def test_other_settings_are_refused_and_finished_data_left(tool, settings, data):
    before = {path: path.stat().st_mtime_ns for path in data.rglob('*')}
    assert not tool.convert(data.parent, 'video', settings)
    other = tool.Settings(seed=3, clips=(16, 9), frames=7, clip_size=66)
    with pytest.raises(FileExistsError, match='other settings'):
        tool.convert(data.parent, 'video', other)
    assert {path: path.stat().st_mtime_ns for path in data.rglob('*')} == before


def test_mmaction2_reads_it(data):
    datasets = pytest.importorskip('mmaction.datasets')
    dataset = datasets.VideoDataset(
        ann_file=str(data / 'train.txt'),
        data_prefix=dict(video=str(data)),
        pipeline=[
            dict(type='mmaction.DecordInit'),
            dict(type='mmaction.SampleFrames', clip_len=6, num_clips=1, test_mode=True),
            dict(type='mmaction.DecordDecode'),
        ],
    )
    results = dataset[9]
    assert results['label'] == 1 and results['total_frames'] == 6
    capture = cv2.VideoCapture(results['filename'])
    for image in results['imgs']:
        assert (capture.read()[1][..., ::-1] == image).all()


def test_command_line(tool, tmp_path, capsys):
    arguments = ['--task', 'video', '--clips', '2', '1', '--frames', '3']
    assert tool.main([str(tmp_path), *arguments, '--clip-size', '70']) == 0
    assert 'written' in capsys.readouterr().out
    assert len(list(tmp_path.rglob('*.mp4'))) == 3
    capture = cv2.VideoCapture(str(tmp_path / 'video/train/down_right/000001.mp4'))
    assert capture.read()[1].shape == (70, 70, 3)
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 3


def test_opencv_without_the_codec_says_what_to_install(
    tool, settings, tmp_path, monkeypatch
):
    monkeypatch.setattr(sys.modules['digits_video'], 'CODEC', 'zzzz')
    with pytest.raises(OSError, match='cannot write .*opencv-contrib-python'):
        tool.convert(tmp_path, 'video', settings)
    assert list(tmp_path.iterdir()) == []
