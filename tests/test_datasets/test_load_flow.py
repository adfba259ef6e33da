# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import pickle

import cv2
import numpy as np
import pytest

from dynkd.datasets.load_flow import LoadFlow

PNG = 'flow_{}_{:05}.png'


def numbers(results) -> list[int]:
    """Which flows they are; both parts must be of the same one."""
    found = [image[0, 0].astype(int) - (100, 50) for image in results['flow']]
    assert all(u == v for u, v in found)
    for image in results['flow']:
        assert image.dtype == np.uint8 and (image == image[0, 0]).all()
    return [int(u) for u, v in found]


@pytest.fixture
def folder(tmp_path, write_raw, numbered):
    write_raw(tmp_path / 'clip', [], numbered(9))
    return tmp_path / 'clip'


@pytest.mark.parametrize(
    'indices', [[1, 2, 3], [9, 8, 4], [1, 3, 5, 7], [1, 2, 9, 1, 2, 9, 1]]
)
def test_each_frame_is_given_its_own_flow(folder, sample, indices):
    results = LoadFlow(filename_tmpl=PNG)(sample(folder, 9, indices))
    assert numbers(results) == indices
    assert results['img_shape'] == results['original_shape'] == (12, 17)


def test_jpegs_are_read_by_default(tmp_path, write_raw, sample, numbered):
    write_raw(tmp_path, [], numbered(4), files='flow_{}_{:05}.jpg')
    results = LoadFlow()(sample(tmp_path, 4, [4, 2]))
    assert [image[5, 5].tolist() for image in results['flow']] == [[104, 54], [102, 52]]


def test_flow_that_comes_again_is_read_once_and_can_be_written_into(
    folder, sample, monkeypatch
):
    load, read = LoadFlow(filename_tmpl=PNG), []
    decode = LoadFlow._read
    monkeypatch.setattr(
        LoadFlow,
        '_read',
        lambda self, folder, number, backend: (
            read.append(number) or decode(self, folder, number, backend)
        ),
    )
    flow = load(sample(folder, 9, [2, 5, 2, 5, 2]))['flow']
    assert read == [2, 5]
    flow[0][:] = 0
    assert [image[0, 0, 0] for image in flow] == [0, 105, 102, 105, 102]


def test_the_last_frame_may_have_no_flow_of_its_own(folder, sample):
    """Nine flows lie between ten frames."""
    results = LoadFlow(filename_tmpl=PNG)(sample(folder, 10, [8, 9, 10, 1]))
    assert numbers(results) == [8, 9, 9, 1]


def test_offset_of_a_clip_in_a_longer_video(folder, sample):
    results = LoadFlow(filename_tmpl=PNG)(sample(folder, 4, [1, 2, 4], offset=3))
    assert numbers(results) == [4, 5, 7]


@pytest.mark.parametrize('start', [0, 1])
def test_frames_of_a_video_and_flow_elsewhere(folder, tmp_path, start):
    """A video's frames count from 0, or from where the data set says; flow from 1."""
    results = dict(
        filename=str(tmp_path / 'videos' / 'clip.avi'),
        total_frames=9,
        start_index=start,
        frame_inds=np.array([0, 4, 8]) + start,
    )
    load = LoadFlow(str(tmp_path), str(tmp_path / 'videos'), PNG)
    assert numbers(load(results)) == [1, 5, 9]


def test_raw_frames_and_flow_elsewhere(folder, tmp_path, sample):
    load = LoadFlow(str(tmp_path), 'frames/train', PNG)
    assert numbers(load(sample('frames/train/clip', 9, [3, 4]))) == [3, 4]


def test_names_with_dots_are_whole(tmp_path, write_raw, sample, numbered):
    write_raw(tmp_path / 'v1.2 kick', [], numbered(3))
    results = sample(tmp_path / 'v1.2 kick', 3, [3])
    assert numbers(LoadFlow(filename_tmpl=PNG)(results)) == [3]


@pytest.mark.parametrize(('height', 'width'), [(24, 34), (24, 35), (6, 9), (7, 9)])
def test_flow_gets_the_size_of_the_frames_and_keeps_its_values(
    folder, sample, height, width
):
    results = sample(folder, 9, [2, 7])
    results['imgs'] = [np.zeros((height, width, 3), np.uint8)] * 2
    results['img_shape'] = 'as it was'
    results = LoadFlow(filename_tmpl=PNG)(results)
    assert numbers(results) == [2, 7]
    assert {image.shape for image in results['flow']} == {(height, width, 2)}
    assert results['img_shape'] == 'as it was'


def test_other_aspect_ratio(folder, sample):
    results = sample(folder, 9, [2, 7])
    results['imgs'] = [np.zeros((20, 20, 3), np.uint8)] * 2
    message = r'flow of 17x12 in .*clip does not fit frames of 20x20'
    with pytest.raises(ValueError, match=message):
        LoadFlow(filename_tmpl=PNG)(results)


# ------------------------------------------------------------------ files that lack


def test_missing_files_are_counted_and_named(folder, sample):
    for name in ('flow_x_00003.png', 'flow_y_00003.png', 'flow_y_00007.png'):
        (folder / name).unlink()
    message = (
        r'3 files of flow of frames in .*clip are missing in .*clip: '
        r'flow_x_00003.png, flow_y_00003.png, flow_y_00007.png\. .*extract_flow.py'
    )
    # Before a clip happens to need them.
    with pytest.raises(FileNotFoundError, match=message):
        LoadFlow(filename_tmpl=PNG)(sample(folder, 9, [1]))


@pytest.mark.parametrize('empty', [True, False])
def test_no_flow_at_all(tmp_path, sample, empty):
    if empty:
        (tmp_path / 'clip').mkdir()
    message = r'18 files of flow.* flow_x_00001.jpg, flow_y_00001.jpg, flow_x_00002'
    with pytest.raises(FileNotFoundError, match=message):
        LoadFlow()(sample(tmp_path / 'clip', 10, [1]))


def test_the_only_frame_has_no_flow(tmp_path, sample):
    with pytest.raises(FileNotFoundError, match='2 files of flow'):
        LoadFlow()(sample(tmp_path / 'clip', 1, [1]))


@pytest.mark.parametrize('frames', [8, 11, 40])
def test_frames_and_flow_of_different_lengths(folder, sample, frames):
    message = rf'has 9 flows, but frames in .*clip has {frames} frames.*frame rate'
    with pytest.raises(ValueError, match=message):
        LoadFlow(filename_tmpl=PNG)(sample(folder, frames, [1]))


def test_part_of_a_longer_video_needs_no_more_than_its_own(folder, sample):
    results = sample(folder, 3, [3], offset=5)
    assert numbers(LoadFlow(filename_tmpl=PNG)(results)) == [8]
    with pytest.raises(ValueError, match='has 4 flows, but .* has 7 frames'):
        LoadFlow(filename_tmpl=PNG)(sample(folder, 7, [3], offset=5))


def test_folders_are_looked_at_once(folder, sample):
    load = LoadFlow(filename_tmpl=PNG)
    load(sample(folder, 9, [1]))
    (folder / 'flow_x_00003.png').unlink()
    assert numbers(load(sample(folder, 9, [2, 4]))) == [2, 4]
    with pytest.raises(FileNotFoundError, match='flow_x_00003'):
        load(sample(folder, 9, [3]))


def test_broken_file_is_named(folder, sample):
    (folder / 'flow_y_00004.png').write_bytes(b'no image')
    with pytest.raises(ValueError, match='flow_y_00004.png is not an image'):
        LoadFlow(filename_tmpl=PNG)(sample(folder, 9, [4]))


def test_parts_of_different_sizes(folder, sample):
    cv2.imwrite(str(folder / 'flow_y_00004.png'), np.zeros((5, 5), np.uint8))
    with pytest.raises(ValueError, match=r'\(12, 17\) and \(5, 5\).*flow_x_00004'):
        LoadFlow(filename_tmpl=PNG)(sample(folder, 9, [4]))


def test_a_video_does_not_say_where_its_flow_is():
    results = dict(filename='a/b.mp4', total_frames=3, frame_inds=np.array([0]))
    with pytest.raises(ValueError, match='video a/b.mp4 .*flow_root'):
        LoadFlow()(results)


@pytest.mark.parametrize(
    'template', ['flow_{:05}.jpg', 'flow_{}.jpg', 'flow.jpg', '{a}_{}', '{}_{}_{}.jpg']
)
def test_templates_that_name_no_two_files(template):
    with pytest.raises(ValueError, match=r"as 'flow_\{\}_\{:05\}.jpg' does, got"):
        LoadFlow(filename_tmpl=template)


def test_workers_are_given_copies(folder, sample):
    load = pickle.loads(pickle.dumps(LoadFlow(None, 'x', PNG)))
    assert numbers(load(sample(folder, 9, [6]))) == [6]
    assert repr(load) == (
        "LoadFlow(flow_root=None, data_root='x', filename_tmpl='flow_{}_{:05}.png')"
    )
