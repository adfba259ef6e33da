# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import pickle

import numpy as np
import pytest

from dynkd.datasets.read_clip import ReadClip

VIDEO = [
    dict(type='DecordInit'),
    dict(type='SampleFrames', clip_len=4),
    dict(type='DecordDecode'),
]
FRAMES = [dict(type='SampleFrames', clip_len=4), dict(type='RawFrameDecode')]


def video(path) -> dict:
    return dict(filename=str(path), start_index=0, modality='RGB')


def test_a_clip_is_read_as_without_it(tmp_path, moving, write_video):
    from mmaction.datasets.transforms import DecordDecode, DecordInit, SampleFrames

    path = tmp_path / 'a.mp4'
    write_video(path, moving(9, 64, 80))
    read = pickle.loads(pickle.dumps(ReadClip(VIDEO)))
    assert repr(read) == 'ReadClip(DecordInit, SampleFrames, DecordDecode)'
    np.random.seed(3)
    results = read(video(path))
    np.random.seed(3)
    plain = DecordDecode()(SampleFrames(4)(DecordInit()(video(path))))
    assert set(results) == set(plain)
    assert (results['frame_inds'] == plain['frame_inds']).all()
    assert (np.stack(results['imgs']) == np.stack(plain['imgs'])).all()


def test_flow_may_be_computed_in_it(tmp_path, moving, write_video):
    write_video(tmp_path / 'a.mp4', moving(6, 64, 80))
    computed = dict(type='dynkd.ComputeFlow', method='dis')
    results = ReadClip([*VIDEO[:2], computed])(video(tmp_path / 'a.mp4'))
    assert len(results['imgs']) == len(results['flow']) == 4


@pytest.mark.parametrize('content', [b'no video' * 99, b''])
def test_broken_video_is_named(tmp_path, content):
    (tmp_path / 'broken.mp4').write_bytes(content)
    message = r'video .*broken\.mp4 cannot be read: DecordInit failed'
    with pytest.raises(RuntimeError, match=message) as caught:
        ReadClip(VIDEO)(video(tmp_path / 'broken.mp4'))
    # Not the whole file with it.
    assert len(str(caught.value)) < 300 + len(str(tmp_path))


def test_cut_video_is_named(tmp_path, moving, write_video):
    path = tmp_path / 'cut.mp4'
    write_video(path, moving(30, 96, 128))
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(RuntimeError, match=r'video .*cut\.mp4 cannot be read'):
        ReadClip(VIDEO)(video(path))


def test_missing_video_is_named(tmp_path):
    with pytest.raises(RuntimeError, match=r'video .*none\.mp4.*FileNotFoundError'):
        ReadClip(VIDEO)(video(tmp_path / 'none.mp4'))


@pytest.mark.parametrize('content', [None, b'', b'no image'])
def test_frames_that_cannot_be_read(tmp_path, moving, write_raw, sample, content):
    write_raw(tmp_path / 'clip', moving(6), [])
    for path in (tmp_path / 'clip').iterdir():
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content)
    with pytest.raises(RuntimeError, match=r'frames in .*clip cannot .*RawFrameDecode'):
        ReadClip(FRAMES)(sample(tmp_path / 'clip', 6, [1]))


def test_a_video_without_frames_is_named():
    class Open:
        def __call__(self, results):
            return dict(results, total_frames=0)

    with pytest.raises(RuntimeError, match='video a.mp4 .*no frames'):
        ReadClip([Open(), *VIDEO[1:]])(video('a.mp4'))


def test_a_clip_may_be_dropped():
    class Drop:
        def __call__(self, results):
            return None

    assert ReadClip(Drop())(video('a.mp4')) is None
