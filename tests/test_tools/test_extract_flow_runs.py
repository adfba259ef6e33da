# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Runs of the extraction: lists, processes, stops, bad videos, bad options."""

import importlib
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

KEEP = ['--fps', '0', '--short-side', '0', '--method', 'farneback', '--workers', '0']


@pytest.fixture(scope='module')
def tool(import_converter):
    return import_converter('extract_flow')


@pytest.fixture(scope='module')
def jobs(tool):
    return sys.modules['flow_jobs']


@pytest.fixture(scope='module')
def videos(tmp_path_factory, write_video, moving):
    """Four videos in two folders, and lists of them."""
    root = tmp_path_factory.mktemp('videos')
    for index, name in enumerate(('walk/a', 'walk/b', 'run/a', 'run/c.d')):
        write_video(root / f'{name}.mp4', moving(index, 1, 3 + index, 32, 40))
    (root / 'train.txt').write_text('walk/a.mp4 1\nrun/a.mp4 0\nrun/c.d.mp4 0 2\n')
    (root / 'val.txt').write_text('walk/b.mp4 1\n\nrun/a.mp4 0\n')
    return root


@pytest.fixture(scope='module')
def extracted(tool, videos, tmp_path_factory):
    out = tmp_path_factory.mktemp('frames') / 'out'
    lists = [str(videos / 'train.txt'), str(videos / 'val.txt')]
    assert tool.main([str(videos), str(out), *KEEP, '--annotation', *lists]) == 0
    return out


def test_lists_of_frames(extracted):
    assert (extracted / 'train.txt').read_text() == (
        'walk/a 3 1\nrun/a 5 0\nrun/c.d 6 0 2\n'
    )
    assert (extracted / 'val.txt').read_text() == 'walk/b 4 1\nrun/a 5 0\n'
    assert not (extracted / 'unreadable.txt').exists()


def test_mmaction2_reads_frames_and_flow(extracted):
    datasets = pytest.importorskip('mmaction.datasets')
    for modality, template, channels in (
        ('RGB', 'img_{:05}.jpg', 3),
        ('Flow', 'flow_{}_{:05}.jpg', 2),
    ):
        dataset = datasets.RawframeDataset(
            ann_file=str(extracted / 'val.txt'),
            data_prefix=dict(img=str(extracted)),
            filename_tmpl=template,
            modality=modality,
            test_mode=True,
            pipeline=[
                dict(
                    type='mmaction.SampleFrames',
                    clip_len=5,
                    num_clips=1,
                    test_mode=True,
                ),
                dict(type='mmaction.RawFrameDecode'),
            ],
        )
        results = dataset[1]
        assert results['total_frames'] == 5 and results['label'] == 0
        shapes = {np.shape(image) for image in results['imgs']}
        assert len(results['imgs']) == 5 and shapes == {(32, 40, channels)}


def test_without_lists_all_videos_are_extracted(
    content, tool, videos, extracted, tmp_path
):
    assert tool.main([str(videos), str(tmp_path / 'out'), *KEEP]) == 0
    expected = content(extracted)
    for name in ('train.txt', 'val.txt'):
        del expected[name]
    assert content(tmp_path / 'out') == expected


def test_two_processes_write_the_same(content, tool, videos, extracted, tmp_path):
    assert tool.main([str(videos), str(tmp_path / 'o'), *KEEP, '--workers', '2']) == 0
    expected = content(extracted)
    for name in ('train.txt', 'val.txt'):
        del expected[name]
    assert content(tmp_path / 'o') == expected


def test_stopped_run_continues_where_it_was(
    content, tool, jobs, videos, extracted, tmp_path, monkeypatch, capsys
):
    """Stopped amidst the second video: one stays as it is, nothing is half there."""
    compute, calls = jobs.compute_flow, []

    def stop(*arguments):
        calls.append(1)
        if len(calls) == 8:
            raise KeyboardInterrupt
        return compute(*arguments)

    out = tmp_path / 'out'
    monkeypatch.setattr(jobs, 'compute_flow', stop)
    assert tool.main([str(videos), str(out), *KEEP]) == 130
    assert 'start it again to continue' in capsys.readouterr().err
    folders = sorted(p.parent for p in out.rglob('img_00001.jpg'))
    assert [str(f.relative_to(out)) for f in folders] == ['run/a']
    files = {p: p.stat().st_mtime_ns for f in folders for p in f.iterdir()}
    assert len(list(out.iterdir())) == 2  # run, and the settings
    monkeypatch.setattr(jobs, 'compute_flow', compute)
    assert tool.main([str(videos), str(out), *KEEP]) == 0
    assert '3 videos extracted, 13 frames; 1 were there' in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in files} == files
    assert content(out / 'walk') == content(extracted / 'walk')
    assert content(out / 'run') == content(extracted / 'run')


def test_missing_file_is_noticed_and_foreign_ones_are_kept(
    content, tool, videos, tmp_path
):
    out = tmp_path / 'out'
    assert tool.main([str(videos), str(out), *KEEP]) == 0
    before = content(out)
    (out / 'run' / 'a' / 'flow_y_00002.jpg').unlink()
    assert tool.main([str(videos), str(out), *KEEP]) == 0
    assert content(out) == before
    (out / 'run' / 'a' / 'notes.txt').write_text('mine')
    assert tool.main([str(videos), str(out), *KEEP]) == 1
    assert (out / 'run' / 'a' / 'notes.txt').read_text() == 'mine'


def test_unreadable_videos_are_skipped_and_listed(tool, videos, tmp_path, capsys):
    source, out = tmp_path / 'in', tmp_path / 'out'
    source.mkdir()
    good = (videos / 'walk' / 'a.mp4').read_bytes()
    (source / 'good.mp4').write_bytes(good)
    (source / 'cut.mp4').write_bytes(good[:500])
    (source / 'text.avi').write_text('no video at all\n' * 50)
    (source / 'empty.mp4').touch()
    names = ['good.mp4', 'cut.mp4', 'text.avi', 'empty.mp4', 'gone.mp4']
    (source / 'all.txt').write_text(''.join(f'{name} 3\n' for name in names))
    arguments = [str(source), str(out), *KEEP, '--annotation', str(source / 'all.txt')]
    assert tool.main(arguments) == 3
    said = capsys.readouterr().out
    assert 'skipped: 4' in said and 'all.txt: 1 of 5 videos' in said
    rows = [r.split('\t') for r in (out / 'unreadable.txt').read_text().splitlines()]
    assert [row[0] for row in rows] == ['cut.mp4', 'empty.mp4', 'gone.mp4', 'text.avi']
    assert dict(rows)['gone.mp4'] == 'there is no such file'
    assert (out / 'all.txt').read_text() == 'good 3 3\n'
    assert sorted(p.name for p in out.iterdir() if p.is_dir()) == ['good']
    # Repaired ones are extracted by the next run.
    for name in names[1:]:
        (source / name).write_bytes(good)
    assert tool.main(arguments) == 0
    assert not (out / 'unreadable.txt').exists()
    assert len((out / 'all.txt').read_text().splitlines()) == 5


def test_video_without_a_rate_is_skipped_unless_it_is_not_needed(tool, tmp_path):
    videos = sys.modules['flow_videos']
    header = videos.Header(fps=90000.0, frames=10, height=32, width=32)
    with pytest.raises(videos.UnreadableVideo, match='90000 frames.*--fps 0'):
        videos.output_frames(header, 25)
    assert videos.output_frames(header, 0) == 10


def test_a_full_disk_is_no_unreadable_video(tool, videos, tmp_path, monkeypatch):
    def fail(*arguments):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(Path, 'write_bytes', fail)
    assert tool.main([str(videos), str(tmp_path / 'out'), *KEEP]) == 1
    assert not (tmp_path / 'out' / 'unreadable.txt').exists()
    assert not list((tmp_path / 'out').glob('.partial-*'))


@pytest.mark.slow
def test_video_that_crashes_its_process_costs_no_other(
    jobs, videos, tmp_path, monkeypatch
):
    (tmp_path / 'crashing.py').write_text(
        'import os\nimport flow_jobs\n'
        'def extract(job, settings):\n'
        "    if job.video.name == 'b.mp4':\n        os._exit(9)\n"
        '    return flow_jobs.extract(job, settings)\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    pool = sys.modules['flow_pool']
    monkeypatch.setattr(pool, 'extract', importlib.import_module('crashing').extract)
    todo = [
        jobs.Job(video, tmp_path / 'out' / str(index), tmp_path / 'out')
        for index, video in enumerate(sorted(videos.rglob('*.mp4'), reverse=True))
    ]
    settings = jobs.Settings('farneback', 0, 0)
    outcomes = {o.job.video.stem: o for o in pool.run(todo, settings, 2)}
    assert len(todo) == 4
    assert outcomes['b'].error == 'decoding it crashes'
    assert len(list((tmp_path / 'out').rglob('img_00001.jpg'))) == 3


def test_dry_run_writes_nothing_and_estimates(
    tool, videos, extracted, tmp_path, capsys
):
    out = tmp_path / 'out'
    (tmp_path / 'in').mkdir()
    for path in videos.rglob('*.mp4'):
        (tmp_path / 'in' / f'{path.parent.name}_{path.name}').symlink_to(path)
    (tmp_path / 'in' / 'bad.mp4').touch()
    arguments = [str(tmp_path / 'in'), str(out), *KEEP]
    assert tool.main([*arguments, '--dry-run']) == 3
    said = capsys.readouterr().out
    assert not out.exists()
    assert 'videos: 5; 0 are done' in said and 'bad.mp4: it cannot be opened' in said
    assert int(re.search(r'frames: (\d+)', said)[1]) == 3 + 4 + 5 + 6
    assert float(re.search(r'time: +([\d.]+) s', said)[1]) < 60
    # Each of 18 frames has three files of one block of 4 KiB.
    assert re.search(r'disk: +216\.0 KiB \(12\.0 KiB a frame', said)
    # What is done is not counted.
    assert tool.main(arguments) == 3
    capsys.readouterr()
    assert tool.main([*arguments, '--dry-run']) == 3
    assert 'videos: 1; 4 are done\nframes: 0\n' in capsys.readouterr().out


def test_estimate_counts_the_frames_of_the_rate(tool):
    videos = sys.modules['flow_videos']
    for source, fps, count, expected in (
        (30, 25, 10, 9),
        (50, 25, 9, 5),
        (12.5, 25, 10, 20),
        (29.97, 25, 2997, 2500),
        (24, 0, 7, 7),
        (25, 25, -1, 0),
    ):
        header = videos.Header(source, count, 32, 32)
        assert videos.output_frames(header, fps) == expected


def test_other_settings_and_foreign_folders_are_refused(
    content, tool, videos, extracted, tmp_path, capsys
):
    before = content(extracted)
    assert tool.main([str(videos), str(extracted), *KEEP, '--quality', '50']) == 1
    assert 'made with other settings' in capsys.readouterr().err
    assert content(extracted) == before
    assert json.loads(before['extract_flow.json'])['quality'] == 95
    (tmp_path / 'precious.txt').write_text('mine')
    assert tool.main([str(videos), str(tmp_path), *KEEP]) == 1
    assert 'did not write' in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ['precious.txt']


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--workers', '-1'], 'workers must be 0 or more'),
        (['--fps', '-2'], 'fps must be 0 or more'),
        (['--fps', 'nan'], 'fps must be 0 or more'),
        (['--short-side', '-2'], 'short side must be 0 or more'),
        (['--quality', '0'], 'quality must be 1 to 100'),
        (['--annotation', 'nowhere.txt'], 'nowhere.txt'),
    ],
)
def test_bad_arguments_end_with_one_clear_line(
    tool, videos, tmp_path, capsys, arguments, message
):
    assert tool.main([str(videos), str(tmp_path / 'out'), *arguments]) == 1
    error = capsys.readouterr().err
    assert message in error and error.count('\n') == 1
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize(
    ('lines', 'message'),
    [
        ('a.mp4 0\nb.mp4\n', 'line 2: expected a path and the number'),
        ('a.mp4 walk\n', 'line 1: expected a path and the number'),
        ('../a.mp4 1\n', 'line 1: ../a.mp4 must be a path below'),
        ('\n', 'lists no videos'),
        ('x/a.mp4 0\nx/a.avi 0\n', 'would both be written to x/a'),
        ('x/a.mp4 0\nx/a/b.mp4 0\n', "written into x/a, the folder of x/a.mp4's"),
    ],
)
def test_bad_lists_are_named(tool, videos, tmp_path, capsys, lines, message):
    (tmp_path / 'list.txt').write_text(lines)
    arguments = ['--annotation', str(tmp_path / 'list.txt')]
    assert tool.main([str(videos), str(tmp_path / 'out'), *arguments]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()


def test_folders_without_videos(tool, tmp_path, capsys):
    assert tool.main([str(tmp_path / 'gone'), str(tmp_path / 'out')]) == 1
    assert 'is not a folder' in capsys.readouterr().err
    assert tool.main([str(tmp_path), str(tmp_path / 'out')]) == 1
    assert 'has no videos' in capsys.readouterr().err
