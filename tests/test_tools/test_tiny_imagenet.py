# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Tiny-ImageNet in class folders, from an archive of two classes."""

import os
from pathlib import Path

import pytest
from mmpretrain.datasets import CustomDataset

VAL = {'val_0.JPEG': 'n02', 'val_1.JPEG': 'n01', 'val_2.JPEG': 'n02'}


@pytest.fixture(scope='module')
def tool(import_converter):
    return import_converter('tiny_imagenet')


@pytest.fixture
def archive(tmp_path):
    """What the archive unpacks to, in small; the images are bytes."""
    root = tmp_path / 'tiny-imagenet-200'
    (root / 'val' / 'images').mkdir(parents=True)
    (root / 'wnids.txt').write_text('n02\nn01\n')
    for name in ('n01', 'n02'):
        (root / 'train' / name / 'images').mkdir(parents=True)
        (root / 'train' / name / f'{name}_boxes.txt').write_text('a\t0\t0\t9\t9\n')
        for index in range(3):
            image = root / 'train' / name / 'images' / f'{name}_{index}.JPEG'
            image.write_bytes(f'{name} {index}'.encode())
    lines = [f'{image}\t{name}\t0\t32\t44\t62\n' for image, name in VAL.items()]
    (root / 'val' / 'val_annotations.txt').write_text(''.join(lines))
    for image in VAL:
        (root / 'val' / 'images' / image).write_bytes(image.encode())
    (root / 'test' / 'images').mkdir(parents=True)
    (root / 'test' / 'images' / 'test_0.JPEG').write_bytes(b'test')
    return root


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob('*')
        if path.is_file()
    }


EXPECTED = {
    f'train/{name}/{name}_{index}.JPEG': f'{name} {index}'.encode()
    for name in ('n01', 'n02')
    for index in range(3)
} | {f'val/{name}/{image}': image.encode() for image, name in VAL.items()}


def test_every_labelled_image_is_in_the_folder_of_its_class(tool, archive, tmp_path):
    out = tmp_path / 'data' / 'tiny'
    assert tool.main([str(archive), '--out', str(out)]) == 0
    assert contents(out) == EXPECTED
    assert os.listdir(out.parent) == ['tiny']


def test_mmpretrain_reads_both_parts_with_the_same_classes(tool, archive, tmp_path):
    tool.convert(archive, tmp_path / 'tiny')
    train, val = (
        CustomDataset(data_root=str(tmp_path / 'tiny' / part))
        for part in ('train', 'val')
    )
    assert train.metainfo['classes'] == val.metainfo['classes'] == ('n01', 'n02')
    assert train.get_gt_labels().tolist() == [0, 0, 0, 1, 1, 1]
    names = [Path(val.get_data_info(i)['img_path']).name for i in range(3)]
    assert names == ['val_1.JPEG', 'val_0.JPEG', 'val_2.JPEG']
    assert val.get_gt_labels().tolist() == [0, 1, 1]


def test_a_finished_data_set_is_left_as_it_is(tool, archive, tmp_path, capsys):
    out = tmp_path / 'tiny'
    assert tool.convert(archive, out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob('*')}
    assert not tool.convert(archive, out)
    assert {path: path.stat().st_mtime_ns for path in out.rglob('*')} == before
    assert tool.main([str(archive), '--out', str(out)]) == 0
    assert 'already there' in capsys.readouterr().out


@pytest.mark.parametrize('change', ['missing', 'more', 'shorter'])
def test_another_folder_is_not_touched(change, tool, archive, tmp_path, capsys):
    out = tmp_path / 'tiny'
    tool.convert(archive, out)
    image = out / 'val' / 'n01' / 'val_1.JPEG'
    image.unlink()
    if change == 'more':
        image.with_name('other.JPEG').write_bytes(b'other')
    elif change == 'shorter':
        image.write_bytes(b'')
    before = contents(out)
    assert tool.main([str(archive), '--out', str(out)]) == 1
    assert 'holds something else' in capsys.readouterr().err
    assert contents(out) == before


def test_files_are_copied_where_they_cannot_be_linked(
    tool, archive, tmp_path, monkeypatch
):
    def refuse(source, target):
        raise OSError('not on this file system')

    monkeypatch.setattr(os, 'link', refuse)
    tool.convert(archive, tmp_path / 'tiny')
    assert contents(tmp_path / 'tiny') == EXPECTED


def test_an_interrupted_run_leaves_nothing(tool, archive, tmp_path, monkeypatch):
    done = []

    def stop(source, target):
        if len(done) == 4:
            raise KeyboardInterrupt
        done.append(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.read_bytes())

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(tool, 'link', stop)
        tool.convert(archive, tmp_path / 'data' / 'tiny')
    assert os.listdir(tmp_path / 'data') == []
    assert tool.convert(archive, tmp_path / 'data' / 'tiny')


@pytest.mark.parametrize(
    ('damage', 'message'),
    [
        (lambda root: (root / 'wnids.txt').unlink(), 'wnids.txt is not there'),
        (
            lambda root: [p.unlink() for p in (root / 'train/n02/images').iterdir()],
            'n02/images has no images',
        ),
        (
            lambda root: (root / 'val/images/val_1.JPEG').unlink(),
            'val_1.JPEG is not there .*line 2',
        ),
        (
            lambda root: (root / 'val/val_annotations.txt').write_text('val_0.JPEG\n'),
            "line 1: '' is not one of the 2 classes",
        ),
        (lambda root: (root / 'val/val_annotations.txt').unlink(), 'val_annotations'),
    ],
)
def test_a_damaged_archive(damage, message, tool, archive, tmp_path, capsys):
    damage(archive)
    with pytest.raises((OSError, ValueError), match=message):
        tool.convert(archive, tmp_path / 'tiny')
    assert tool.main([str(archive), '--out', str(tmp_path / 'tiny')]) == 1
    assert capsys.readouterr().err.startswith('tiny_imagenet: ')
    assert not (tmp_path / 'tiny').exists()
