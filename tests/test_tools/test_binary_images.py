# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""CIFAR-10 and STL-10 in class folders, from archives of a few images."""

import cv2
import numpy as np
import pytest
from mmpretrain.datasets import CustomDataset

CLASSES = ['airplane', 'bird']


@pytest.fixture(scope='module')
def tool(import_converter):
    return import_converter('binary_images')


@pytest.fixture
def images():
    """Labels and RGB images of each split, each with a row and a column of its own."""
    rng = np.random.default_rng(0)

    def draw(number: int, side: int) -> np.ndarray:
        return rng.integers(0, 256, (number, side, side, 3), dtype=np.uint8)

    return draw


def write_cifar10(folder, images):
    """An archive of five files for training, and what is in it."""
    found = dict(train=([0, 1, 1, 0, 1, 0], images(6, 32)), test=([1], images(1, 32)))
    (folder / 'batches.meta.txt').write_text('airplane\nbird\n\n')
    labels, pixels = found['train']
    parts = [[0, 1], [2], [3], [4], [5]]
    for number, part in enumerate(parts, 1):
        rows = [
            bytes([labels[i]]) + pixels[i].transpose(2, 0, 1).tobytes() for i in part
        ]
        (folder / f'data_batch_{number}.bin').write_bytes(b''.join(rows))
    labels, pixels = found['test']
    row = bytes(labels) + pixels[0].transpose(2, 0, 1).tobytes()
    (folder / 'test_batch.bin').write_bytes(row)
    return found


def write_stl10(folder, images):
    """An archive with a file of labels for each split, and what is in it."""
    found = dict(train=([1, 0, 1], images(3, 96)), test=([0], images(1, 96)))
    (folder / 'class_names.txt').write_text('airplane\nbird\n')
    for split, (labels, pixels) in found.items():
        by_columns = pixels.transpose(0, 3, 2, 1)
        (folder / f'{split}_X.bin').write_bytes(by_columns.tobytes())
        (folder / f'{split}_y.bin').write_bytes(bytes(label + 1 for label in labels))
    return found


WRITERS = dict(cifar10=write_cifar10, stl10=write_stl10)


@pytest.mark.parametrize('kind', WRITERS)
def test_every_image_is_in_the_folder_of_its_class(
    kind, tool, images, tmp_path, capsys
):
    (tmp_path / 'binary').mkdir()
    found = WRITERS[kind](tmp_path / 'binary', images)
    out = tmp_path / 'out'
    arguments = [kind, str(tmp_path / 'binary'), '--out', str(out)]
    assert tool.main(arguments) == 0
    total = sum(len(labels) for labels, _ in found.values())
    assert capsys.readouterr().out == f'{out}: {total} images written\n'
    for split, (labels, pixels) in found.items():
        files = sorted(path.name for path in (out / split).rglob('*.png'))
        assert files == [f'{index:05d}.png' for index in range(len(labels))]
        for index, (label, image) in enumerate(zip(labels, pixels)):
            path = out / split / CLASSES[label] / f'{index:05d}.png'
            assert np.array_equal(cv2.imread(str(path))[..., ::-1], image)
        read = CustomDataset(data_root=str(out / split), pipeline=[])
        assert list(read.CLASSES) == CLASSES
        assert sorted(read.get_gt_labels()) == sorted(labels)
    # A second time it is the same.
    assert tool.main(arguments) == 0
    assert not list(out.glob('.partial*'))


@pytest.mark.parametrize(
    ('name', 'change', 'message'),
    [
        ('test_batch.bin', None, 'test_batch.bin is not there: name the folder'),
        ('test_batch.bin', lambda old: old[:-1], 'no whole records of 3073'),
        (
            'data_batch_3.bin',
            lambda old: b'\x02' + old[1:],
            'has the label 2; there are',
        ),
    ],
)
def test_a_broken_archive_leaves_nothing_in_place(
    name, change, message, tool, images, tmp_path, capsys
):
    source, out = tmp_path / 'binary', tmp_path / 'out'
    source.mkdir()
    write_cifar10(source, images)
    old = (source / name).read_bytes()
    (source / name).unlink()
    if change is not None:
        (source / name).write_bytes(change(old))
    assert tool.main(['cifar10', str(source), '--out', str(out)]) == 1
    assert message in capsys.readouterr().err
    split = 'test' if 'test' in name else 'train'
    assert not (out / split).exists()
    assert not list(out.glob('.partial*'))


def test_labels_and_images_are_equally_many(tool, images, tmp_path):
    write_stl10(tmp_path, images)
    (tmp_path / 'train_y.bin').write_bytes(b'\x01')
    with pytest.raises(ValueError, match='3 images and 1 labels for train'):
        tool.convert('stl10', tmp_path, tmp_path / 'out')
