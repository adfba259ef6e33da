# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Official splits of HMDB51 and UCF101 become the lists that MMAction2 reads."""

from pathlib import Path

import pytest

#: Videos of two classes, and in which part each is in the splits 1, 2 and 3.
HMDB51 = {
    ('wave', 'Al_wave_#1_(hd).avi'): '122',
    ('wave', 'b_wave_2.avi'): '211',
    ('wave', 'c_wave_3.avi'): '010',
    ('brush_hair', 'd_brush_hair_0.avi'): '111',
    ('brush_hair', 'e_brush_hair_1.avi'): '222',
}


@pytest.fixture(scope='module')
def tools(import_converter):
    return {name: import_converter(name) for name in ('hmdb51', 'ucf101')}


@pytest.fixture
def hmdb51(tmp_path) -> Path:
    """The folder of HMDB51's split files, whose lines end in a blank."""
    folder = tmp_path / 'testTrainMulti_7030_splits'
    folder.mkdir()
    for split in (1, 2, 3):
        for name in ('wave', 'brush_hair'):
            lines = [
                f'{video} {parts[split - 1]} \r\n'
                for (own, video), parts in HMDB51.items()
                if own == name
            ]
            (folder / f'{name}_test_split{split}.txt').write_text(''.join(lines))
    return folder


@pytest.fixture
def ucf101(tmp_path) -> Path:
    """The folder of UCF101's split files."""
    folder = tmp_path / 'ucfTrainTestlist'
    folder.mkdir()
    # Not in the order of the names.
    (folder / 'classInd.txt').write_text('1 YoYo\r\n2 Archery\r\n')
    for split in (1, 2, 3):
        videos = [
            f'{name}/v_{name}_g{g:02d}_c01.avi'
            for name in ('YoYo', 'Archery')
            for g in (1, 2, 3)
        ]
        test = [video for video in videos if f'_g{split:02d}_' in video]
        train = [video for video in videos if video not in test]
        numbers = dict(YoYo=1, Archery=2)
        (folder / f'testlist{split:02d}.txt').write_text('\r\n'.join(test))
        lines = [f'{video} {numbers[video.split("/")[0]]}\n' for video in train]
        (folder / f'trainlist{split:02d}.txt').write_text(''.join(lines))
    return folder


def read(out: Path) -> dict[str, list[str]]:
    return {path.stem: path.read_text().splitlines() for path in out.iterdir()}


def make(root: Path, paths, frames: int) -> None:
    """Write empty videos and raw frames of them, one more frame for each."""
    for index, path in enumerate(sorted(paths)):
        (root / 'videos' / path).parent.mkdir(parents=True, exist_ok=True)
        (root / 'videos' / path).touch()
        folder = root / 'rawframes' / path.removesuffix('.avi')
        folder.mkdir(parents=True)
        for number in range(1, frames + index + 1):
            for name in ('img', 'flow_x', 'flow_y'):
                (folder / f'{name}_{number:05d}.jpg').touch()


def test_hmdb51(tools, hmdb51, tmp_path, capsys):
    out = tmp_path / 'out'
    assert tools['hmdb51'].main([str(hmdb51), '--out', str(out)]) == 0
    found = read(out)
    # Classes are numbered by their names; the third wave is in split 2 alone.
    assert found == {
        'hmdb51_train_split_1_videos': [
            'brush_hair/d_brush_hair_0.avi 0',
            'wave/Al_wave_#1_(hd).avi 1',
        ],
        'hmdb51_val_split_1_videos': [
            'brush_hair/e_brush_hair_1.avi 0',
            'wave/b_wave_2.avi 1',
        ],
        'hmdb51_train_split_2_videos': [
            'brush_hair/d_brush_hair_0.avi 0',
            'wave/b_wave_2.avi 1',
            'wave/c_wave_3.avi 1',
        ],
        'hmdb51_val_split_2_videos': [
            'brush_hair/e_brush_hair_1.avi 0',
            'wave/Al_wave_#1_(hd).avi 1',
        ],
        'hmdb51_train_split_3_videos': [
            'brush_hair/d_brush_hair_0.avi 0',
            'wave/b_wave_2.avi 1',
        ],
        'hmdb51_val_split_3_videos': [
            'brush_hair/e_brush_hair_1.avi 0',
            'wave/Al_wave_#1_(hd).avi 1',
        ],
    }
    assert 'split 2: 3 train, 2 val' in capsys.readouterr().out


def test_ucf101(tools, ucf101, tmp_path):
    out = tmp_path / 'out'
    assert tools['ucf101'].main([str(ucf101), '--out', str(out)]) == 0
    found = read(out)
    assert len(found) == 6
    assert found['ucf101_val_split_2_videos'] == [
        'YoYo/v_YoYo_g02_c01.avi 0',
        'Archery/v_Archery_g02_c01.avi 1',
    ]
    assert found['ucf101_train_split_3_videos'] == [
        f'{name}/v_{name}_g0{g}_c01.avi {label}'
        for label, name in enumerate(('YoYo', 'Archery'))
        for g in (1, 2)
    ]


def test_mmaction2_reads_both_lists(tools, hmdb51, tmp_path):
    from mmaction.datasets import RawframeDataset, VideoDataset

    make(tmp_path, [f'{name}/{video}' for name, video in HMDB51], frames=5)
    arguments = [str(hmdb51), '--out', str(tmp_path / 'out')]
    for name in ('videos', 'rawframes'):
        arguments += [f'--{name}', str(tmp_path / name)]
    assert tools['hmdb51'].main(arguments) == 0
    lists = tmp_path / 'out' / 'hmdb51_train_split_2_{}.txt'
    videos = VideoDataset(
        str(lists).format('videos'), [], data_prefix=dict(video=f'{tmp_path}/videos')
    )
    frames = RawframeDataset(
        str(lists).format('rawframes'),
        [],
        data_prefix=dict(img=f'{tmp_path}/rawframes'),
    )
    assert len(videos) == len(frames) == 3
    for index in range(3):
        video, folder = videos.get_data_info(index), frames.get_data_info(index)
        assert Path(video['filename']).is_file()
        assert video['label'] == folder['label'] == (index > 0)
        assert str(video['filename']).replace('/videos/', '/rawframes/') == (
            f'{folder["frame_dir"]}.avi'
        )
        images = list(Path(folder['frame_dir']).glob('img_*.jpg'))
        assert folder['total_frames'] == len(images) >= 5


def test_missing_videos_are_named_or_left_out(tools, ucf101, tmp_path, capsys):
    paths = [f'{n}/v_{n}_g0{g}_c01.avi' for n in ('YoYo', 'Archery') for g in (1, 2, 3)]
    make(tmp_path, paths, frames=2)
    (tmp_path / 'videos' / paths[0]).unlink()
    for file in (tmp_path / 'rawframes' / paths[4].removesuffix('.avi')).iterdir():
        file.unlink()
    out = tmp_path / 'out'
    arguments = [str(ucf101), '--out', str(out), '--videos', str(tmp_path / 'videos')]
    assert tools['ucf101'].main(arguments) == 1
    error = capsys.readouterr().err
    assert f'no video for 1 of the listed videos: {paths[0]}. With' in error
    frames = ['--rawframes', str(tmp_path / 'rawframes')]
    assert tools['ucf101'].main([*arguments[:3], *frames]) == 1
    error = capsys.readouterr().err
    assert f'no folder of frames for 1 of the listed videos: {paths[4]}.' in error
    assert not out.exists()
    assert tools['ucf101'].main([*arguments, *frames, '--skip-missing']) == 0
    assert 'left out, as they are not there: 2 videos' in capsys.readouterr().out
    kept = [path for path in paths if path not in (paths[0], paths[4])]
    for kind, lines in read(out).items():
        named = [line.split()[0] for line in lines]
        suffix = '.avi' if kind.endswith('rawframes') else ''
        assert {f'{name}{suffix}' for name in named} <= set(kept)


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ('name', 'file', 'old', 'new', 'message'),
    [
        (
            'hmdb51',
            'wave_test_split2.txt',
            'avi 2',
            'avi 3',
            "'Al_wave_#1_(hd).avi 3' is not",
        ),
        (
            'hmdb51',
            'wave_test_split2.txt',
            'b_wave_2.avi 1',
            'b_wave_2.avi',
            'is not the name',
        ),
        (
            'hmdb51',
            'wave_test_split1.txt',
            'b_wave_2',
            'Al_wave_#1_(hd)',
            'more than once',
        ),
        ('ucf101', 'trainlist01.txt', 'c01.avi 1', 'c01.avi 2', 'YoYo is number 1'),
        (
            'ucf101',
            'testlist03.txt',
            'Archery/',
            'Bowling/',
            'of no class of classInd.txt',
        ),
        ('ucf101', 'classInd.txt', '2 Archery', '3 Archery', 'not numbered from 1 on'),
        (
            'ucf101',
            'classInd.txt',
            '2 Archery',
            'Archery',
            'not the number and the name',
        ),
    ],
)
def test_files_that_contradict_themselves(
    name, file, old, new, message, tools, request, tmp_path, capsys
):
    folder = request.getfixturevalue(name)
    edit(folder / file, old, new)
    assert tools[name].main([str(folder), '--out', str(tmp_path / 'out')]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize(
    ('name', 'missing', 'message'),
    [
        ('hmdb51', 'wave_test_split3.txt', 'wave_test_split3.txt is not there'),
        ('hmdb51', '*.txt', 'has no CLASS_test_split1.txt'),
        ('ucf101', 'trainlist02.txt', 'trainlist02.txt is not there'),
        ('ucf101', 'classInd.txt', 'classInd.txt is not there'),
    ],
)
def test_files_that_are_missing(
    name, missing, message, tools, request, tmp_path, capsys
):
    folder = request.getfixturevalue(name)
    for file in folder.glob(missing):
        file.unlink()
    assert tools[name].main([str(folder), '--out', str(tmp_path / 'out')]) == 1
    assert message in capsys.readouterr().err


def test_a_split_without_videos(tools, ucf101, tmp_path, capsys):
    (ucf101 / 'testlist02.txt').write_text('\n')
    assert tools['ucf101'].main([str(ucf101), '--out', str(tmp_path / 'out')]) == 1
    assert 'split 2 has no videos for val' in capsys.readouterr().err
