# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import cv2
import numpy as np
import pytest

from dynkd.datasets.compute_flow import ComputeFlow
from dynkd.datasets.flow import dequantise_flow, quantise_flow
from dynkd.datasets.load_flow import LoadFlow
from dynkd.datasets.paired_transforms import PairedTransforms

PNG = 'flow_{}_{:05}.png'


@pytest.fixture
def count_flows(monkeypatch):
    """Pairs of frames that flow was computed of, by the sum of their pixels."""
    import dynkd.datasets.compute_flow as module

    compute, pairs = module.compute_flow, []

    def counted(first, second, method):
        pairs.append((int(first.sum()), int(second.sum())))
        return compute(first, second, method)

    monkeypatch.setattr(module, 'compute_flow', counted)
    return pairs


def by_hand(frames, index):
    """OpenCV's DIS flow between two frames, as it is stored."""
    pair = [cv2.cvtColor(f, cv2.COLOR_RGB2GRAY) for f in frames[index : index + 2]]
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return quantise_flow(dis.calc(*pair, None))


@pytest.mark.parametrize(
    ('indices', 'leaves'),
    [
        ([1, 2, 3], [0, 1, 2]),
        # The next frame of the video, not of the clip.
        ([1, 3, 5], [0, 2, 4]),
        # The last frame has the flow of the one before it.
        ([4, 5, 6], [3, 4, 4]),
        ([6], [4]),
        ([5, 6, 1, 2, 5], [4, 4, 0, 1, 4]),
    ],
)
def test_each_frame_has_the_flow_that_leaves_it(
    tmp_path, moving, write_raw, sample, count_flows, indices, leaves
):
    frames = moving(6)
    write_raw(tmp_path, frames, [])
    results = ComputeFlow('dis')(sample(tmp_path, 6, indices))
    assert results['frame_inds'].tolist() == indices
    assert len(results['imgs']) == len(results['flow']) == len(indices)
    for image, index in zip(results['imgs'], indices):
        assert (image == frames[index - 1]).all()
    for flow, leave in zip(results['flow'], leaves):
        assert flow.dtype == np.uint8
        assert (flow == by_hand(frames, leave)).all()
    assert len(count_flows) == len(set(leaves))


@pytest.mark.parametrize(('u', 'v'), [(3, 0), (-2, 1), (0, -3), (0, 0)])
@pytest.mark.parametrize('method', ['tvl1', 'dis', 'farneback'])
def test_flow_is_the_motion(tmp_path, moving, write_raw, sample, method, u, v):
    write_raw(tmp_path, moving(3, u=u, v=v), [])
    results = ComputeFlow(method)(sample(tmp_path, 3, [1, 2]))
    for image in results['flow']:
        flow = dequantise_flow(image)[8:-8, 8:-8]
        assert np.abs(np.median(flow, (0, 1)) - (u, v)).max() < 0.2


def test_bound(tmp_path, moving, write_raw, sample):
    write_raw(tmp_path, moving(3, u=3, v=-3), [])
    wide, narrow = (
        ComputeFlow('dis', bound=bound)(sample(tmp_path, 3, [1]))['flow'][0]
        for bound in (20, 2)
    )
    assert (narrow[8:-8, 8:-8] == (255, 0)).mean() > 0.9
    assert abs(np.median(wide[..., 0]) - 255 * 23 / 40) < 2


def test_videos(tmp_path, moving, write_video):
    """Frames are MMAction2's, and so is the way to them."""
    from mmaction.datasets.transforms import DecordDecode, DecordInit, SampleFrames

    write_video(tmp_path / 'clip.mp4', moving(9, 64, 80, u=2, v=-1))
    results = dict(filename=str(tmp_path / 'clip.mp4'), start_index=0, modality='RGB')
    results = SampleFrames(4, num_clips=2, test_mode=True)(DecordInit()(results))
    indices = results['frame_inds'].tolist()
    own = ComputeFlow('dis')(dict(results))
    assert own['frame_inds'].tolist() == indices and own['video_reader'] is None
    flow = dequantise_flow(np.stack(own['flow']))[:, 10:-10, 10:-10]
    assert np.abs(np.median(flow, (1, 2)) - (2, -1)).max() < 0.3
    theirs = DecordDecode()(DecordInit()(results))
    assert all((a == b).all() for a, b in zip(own['imgs'], theirs['imgs']))
    for key in ('img_shape', 'original_shape', 'clip_len', 'num_clips'):
        assert own[key] == theirs[key]


def test_short_videos_are_looped_without_a_jump(tmp_path, moving, write_raw, sample):
    """Where a loop begins again, the flow is not that from the last to the first."""
    write_raw(tmp_path, moving(3, u=4, v=0), [])
    results = ComputeFlow('dis')(sample(tmp_path, 3, [1, 2, 3, 1, 2, 3, 1]))
    flow = dequantise_flow(np.stack(results['flow']))[:, 10:-10, 10:-10]
    assert np.abs(np.median(flow, (1, 2)) - (4, 0)).max() < 0.3
    flip = PairedTransforms([dict(type='Flip', flip_ratio=1.0)])
    flow = dequantise_flow(np.stack(flip(results)['flow']))[:, 10:-10, 10:-10]
    assert np.abs(np.median(flow, (1, 2)) - (-4, 0)).max() < 0.3


def test_the_only_frame_does_not_move(tmp_path, moving, write_raw, sample, count_flows):
    write_raw(tmp_path, moving(1), [])
    results = ComputeFlow()(sample(tmp_path, 1, [1, 1, 1]))
    assert all((image == 128).all() for image in results['flow'])
    assert len(results['imgs']) == 3 and count_flows == []


def test_part_of_a_longer_video(tmp_path, moving, write_raw, sample):
    frames = moving(7)
    write_raw(tmp_path, frames, [])
    results = ComputeFlow('dis')(sample(tmp_path, 3, [1, 3], offset=2))
    assert (results['flow'][0] == by_hand(frames, 2)).all()
    # Frame 5 of the video is the last one of this part.
    assert (results['flow'][1] == by_hand(frames, 3)).all()


def test_loaded_and_computed_flow_are_the_same(tmp_path, moving, write_raw, sample):
    frames = moving(5, u=-1, v=2)
    flows = [by_hand(frames, index) for index in range(4)]
    write_raw(tmp_path, frames, flows)
    indices = [5, 2, 1, 5]
    loaded = LoadFlow(filename_tmpl=PNG)(sample(tmp_path, 5, indices))
    computed = ComputeFlow('dis')(sample(tmp_path, 5, indices))
    for own, other in zip(loaded['flow'], computed['flow']):
        assert (own == other).all()


def test_flow_of_resized_frames(tmp_path, moving, write_raw, sample):
    """Flow counts pixels of the frames that it was computed from."""
    write_raw(tmp_path, moving(2, 80, 120, u=6, v=0), [])
    half = [
        dict(type='RawFrameDecode'),
        dict(type='Resize', scale=(60, 40), keep_ratio=False),
    ]
    results = ComputeFlow('dis', decode=half)(sample(tmp_path, 2, [1]))
    assert results['imgs'][0].shape == (40, 60, 3)
    assert results['img_shape'] == (40, 60)
    flow = dequantise_flow(results['flow'][0])[8:-8, 8:-8]
    assert np.abs(np.median(flow, (0, 1)) - (3, 0)).max() < 0.2


def test_frames_that_were_decoded_before(sample):
    results = dict(sample('a', 3, [1]), imgs=[])
    with pytest.raises(ValueError, match='frames in a were decoded before.*`decode`'):
        ComputeFlow('dis')(results)


def test_nothing_to_decode():
    results = dict(filename='a.mp4', total_frames=3, frame_inds=np.array([0]))
    with pytest.raises(KeyError, match='video a.mp4 has neither.*DecordInit'):
        ComputeFlow('dis')(results)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(method='lucas'), "'tvl1', 'dis', 'farneback'.*got 'lucas'"),
        (dict(bound=0), 'bound must be above 0, got 0'),
        (dict(decode=[]), 'ComputeFlow: transforms is empty'),
    ],
)
def test_arguments_out_of_range(arguments, message):
    with pytest.raises(ValueError, match=message):
        ComputeFlow(**arguments)


def test_representation():
    shown = repr(ComputeFlow('dis'))
    assert shown == (
        "ComputeFlow(method='dis', bound=20.0, decode=DecordDecode or RawFrameDecode)"
    )
