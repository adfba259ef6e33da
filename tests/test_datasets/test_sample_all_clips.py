# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynkd.datasets.sample_all_clips import SampleAllClips


def by_hand(total: int, clip_len: int, interval: int) -> list[list[int]]:
    """Clips one after another, as long as a clip's last frame is there."""
    clips, begin = [], 0
    while True:
        clip = [begin + step * interval for step in range(clip_len)]
        if clips and clip[-1] >= total:
            return clips
        clips.append([index % total for index in clip])
        begin += clip_len * interval


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 90), st.integers(1, 20), st.integers(1, 4), st.integers(0, 1))
def test_all_clips_in_their_order(total, clip_len, interval, start):
    results = dict(total_frames=total, start_index=start)
    results = SampleAllClips(clip_len, interval)(results)
    expected = np.array(by_hand(total, clip_len, interval)) + start
    found = results['frame_inds'].reshape(results['num_clips'], results['clip_len'])
    assert (found == expected).all() and found.dtype == np.int32
    assert results['frame_interval'] == interval
    if results['num_clips'] > 1:
        assert len(np.unique(found)) == found.size


@pytest.mark.parametrize(
    ('total', 'clips'), [(64, 1), (63, 1), (10, 1), (127, 1), (128, 2), (200, 3)]
)
def test_number_of_clips(total, clips):
    results = SampleAllClips()(dict(total_frames=total, start_index=1))
    assert results['num_clips'] == clips
    assert results['frame_inds'][0] == 1
    assert results['frame_inds'].max() == min(total, 64 * clips)


def test_short_videos_are_looped_as_mmaction2_does():
    from mmaction.datasets.transforms import SampleFrames

    own = SampleAllClips(16)(dict(total_frames=5, start_index=1))
    theirs = SampleFrames(16, test_mode=True)(dict(total_frames=5, start_index=1))
    assert (own['frame_inds'] == theirs['frame_inds']).all()
    for key in ('clip_len', 'frame_interval', 'num_clips'):
        assert own[key] == theirs[key]
    assert own['frame_inds'].dtype == theirs['frame_inds'].dtype


@pytest.mark.parametrize('name', ['clip_len', 'frame_interval'])
def test_arguments_out_of_range(name):
    with pytest.raises(ValueError, match=f'`{name}` must be at least 1, got 0'):
        SampleAllClips(**{name: 0})


def test_representation():
    shown = 'SampleAllClips(clip_len=16, frame_interval=2)'
    assert repr(SampleAllClips(16, 2)) == shown
