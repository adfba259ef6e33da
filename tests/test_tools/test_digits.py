# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The demo data: exact boxes, same bytes, standard formats, no scan in both splits."""

import json
import os
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from mmengine.registry import DefaultScope
from PIL import Image

from dynkd import compat

TASKS = ('det', 'seg', 'cls')


@pytest.fixture(scope='module')
def tool(import_converter):
    return import_converter('digits')


@pytest.fixture(scope='module')
def formats(tool):
    return sys.modules['digits_formats']


@pytest.fixture(scope='module')
def scene_module(tool):
    return sys.modules['digits_scene']


@pytest.fixture(scope='module')
def settings(tool):
    return tool.Settings(train=6, val=3, size=(120, 150), seed=3)


@pytest.fixture(scope='module')
def data(tool, settings, tmp_path_factory):
    """A small data set of the three tasks on images."""
    out = tmp_path_factory.mktemp('digits')
    for task in TASKS:
        assert tool.convert(out, task, settings)
    return out


@pytest.fixture(scope='module')
def many_scenes(tool, formats):
    settings = tool.Settings(train=60)
    parts = tool.split_digits(tool.load_digits(), settings)
    return list(formats.scenes(parts['train'], settings, 'train'))


def annotations(data, split):
    return json.loads((data / 'det' / 'annotations' / f'{split}.json').read_text())


def test_boxes_enclose_ink_exactly(many_scenes, scene_module):
    """Seen in the pixels: all that differs from the background, and nothing else."""
    checked = 0
    for scene in many_scenes:
        changed = (scene.pixels != scene.background).any(axis=2)
        for item in scene.items:
            x, y, w, h = item.box
            others = [o.box for o in scene.items if o is not item]
            if any(scene_module.overlap(item.box, other) for other in others):
                continue
            rows, columns = np.nonzero(changed[y : y + h, x : x + w])
            seen = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
            assert seen == (0, 0, w, h)
            checked += 1
        for item in scene.items:
            x, y, w, h = item.box
            changed[y : y + h, x : x + w] = False
        assert not changed.any()
    assert checked > 100


def test_masks_are_the_ink_that_is_seen(many_scenes, scene_module):
    for scene in many_scenes:
        assert scene.mask.shape == scene.pixels.shape[:2]
        inked = (scene.pixels != scene.background).any(axis=2)
        # Half of the ink and more can be seen; thinner ink is at the edges.
        assert inked[scene.mask > 0].all()
        assert (scene.mask > 0).sum() > 0.6 * inked.sum()
        outside = scene.mask.copy()
        for item in scene.items:
            x, y, w, h = item.box
            outside[y : y + h, x : x + w] = 0
            others = [o.box for o in scene.items if o is not item]
            if not any(scene_module.overlap(item.box, other) for other in others):
                classes = np.unique(scene.mask[y : y + h, x : x + w])
                assert set(classes) - {0} == {item.label + 1}
        assert not outside.any()


def test_scenes_are_varied_and_not_crowded(many_scenes, scene_module):
    counts = Counter(len(scene.items) for scene in many_scenes)
    assert set(counts) == set(range(1, 7))
    heights = [item.box[3] for scene in many_scenes for item in scene.items]
    assert min(heights) < 24 and max(heights) > 56
    for scene in many_scenes:
        boxes = [item.box for item in scene.items]
        for place, box in enumerate(boxes):
            for other in boxes[:place]:
                assert scene_module.overlap(box, other) <= 0.1
    labels = {item.label for scene in many_scenes for item in scene.items}
    assert labels == set(range(10))


def test_ink_stands_out_on_any_background(scene_module):
    for seed in range(100):
        rng = np.random.default_rng(seed)
        background = scene_module.draw_background((64, 64), rng)
        weights = np.array([0.299, 0.587, 0.114])
        under = background @ weights
        ink = scene_module.choose_ink(background, rng) @ weights
        assert np.abs(under - ink).min() >= 0.25 * 255 - 1e-6


def test_same_seed_same_bytes_other_seed_other_bytes(
    content, tool, settings, data, tmp_path
):
    for task in TASKS:
        tool.convert(tmp_path, task, settings)
    assert content(tmp_path) == content(data)
    other = tool.Settings(settings.train, settings.val, settings.size, seed=4)
    tool.convert(tmp_path / 'other', 'det', other)
    name = 'det/train/000000.png'
    assert content(tmp_path / 'other')[name] != content(data)[name]


def test_more_scenes_leave_the_first_ones_as_they_are(
    content, tool, settings, data, tmp_path
):
    more = tool.Settings(settings.train + 2, settings.val, settings.size, settings.seed)
    tool.convert(tmp_path, 'det', more)
    before, after = content(data / 'det' / 'train'), content(tmp_path / 'det' / 'train')
    assert len(after) == len(before) + 2
    assert {name: after[name] for name in before} == before


def test_no_scan_is_in_both_splits(data):
    scans = {
        split: {item['scan'] for item in annotations(data, split)['annotations']}
        for split in ('train', 'val')
    }
    assert scans['train'] and scans['val'] and not scans['train'] & scans['val']
    files = {
        split: [path.stem.split('_') for path in (data / 'cls' / split).rglob('*.png')]
        for split in ('train', 'val')
    }
    # Each scan is drawn several times for training and once for validation.
    copies = {split: {copy for _, copy in files[split]} for split in files}
    assert copies == dict(train=set('0123'), val={'0'})
    files = {split: {int(scan) for scan, _ in files[split]} for split in files}
    assert not files['train'] & files['val']
    assert files['train'] | files['val'] == set(range(1797))
    # A scan has its side of the split in both tasks.
    assert scans['val'] <= files['val']


def test_annotations_are_complete_coco(data, settings):
    content = annotations(data, 'train')
    assert [c['name'] for c in content['categories']] == [str(i) for i in range(10)]
    images = {image['id']: image for image in content['images']}
    assert len(images) == settings.train
    numbers = [item['id'] for item in content['annotations']]
    assert len(set(numbers)) == len(numbers)
    for item in content['annotations']:
        x, y, w, h = item['bbox']
        image = images[item['image_id']]
        assert (
            x >= 0 and y >= 0 and x + w <= image['width'] and y + h <= image['height']
        )
        assert item['area'] == w * h and item['iscrowd'] == 0
    for image in images.values():
        with Image.open(data / 'det' / 'train' / image['file_name']) as picture:
            assert picture.size == (image['width'], image['height']) == (150, 120)


def test_mmdetection_reads_it(data, settings):
    datasets = pytest.importorskip('mmdet.datasets')
    classes = tuple(str(i) for i in range(10))
    with DefaultScope.overwrite_default_scope('mmdet'):
        dataset = datasets.CocoDataset(
            data_root=str(data / 'det'),
            ann_file='annotations/train.json',
            data_prefix=dict(img='train/'),
            metainfo=dict(classes=classes),
            pipeline=[dict(type='LoadImageFromFile')],
        )
        assert len(dataset) == settings.train
        read = dataset[0]
    assert read['img'].shape == (120, 150, 3)
    expected = [
        (item['category_id'] - 1, item['bbox'])
        for item in annotations(data, 'train')['annotations']
        if item['image_id'] == read['img_id']
    ]
    found = []
    for instance in read['instances']:
        x1, y1, x2, y2 = instance['bbox']
        found.append((instance['bbox_label'], [x1, y1, x2 - x1, y2 - y1]))
    assert found == expected


def test_segmentation_has_the_scenes_of_detection(data):
    for split in ('train', 'val'):
        images = sorted((data / 'seg' / 'images' / split).iterdir())
        masks = sorted((data / 'seg' / 'masks' / split).iterdir())
        names = [path.name for path in images]
        assert names == [path.name for path in masks]
        found = {path.name: path for path in (data / 'det' / split).iterdir()}
        assert names == sorted(found)
        for path in images:
            assert path.read_bytes() == found[path.name].read_bytes()


def test_mmsegmentation_reads_it(data, settings):
    pytest.importorskip('mmseg')
    from mmseg.datasets import BaseSegDataset

    classes = ('background', *map(str, range(10)))
    with DefaultScope.overwrite_default_scope('mmseg'):
        dataset = BaseSegDataset(
            data_root=str(data / 'seg'),
            data_prefix=dict(img_path='images/train', seg_map_path='masks/train'),
            img_suffix='.png',
            metainfo=dict(classes=classes),
            pipeline=[dict(type='LoadImageFromFile'), dict(type='LoadAnnotations')],
        )
        assert len(dataset) == settings.train
        read = [dataset[index] for index in range(len(dataset))]
    labels = {image['id']: set() for image in annotations(data, 'train')['images']}
    for item in annotations(data, 'train')['annotations']:
        labels[item['image_id']].add(item['category_id'])
    for number, sample in enumerate(read):
        assert sample['gt_seg_map'].shape == sample['img'].shape[:2] == (120, 150)
        assert set(np.unique(sample['gt_seg_map'])) == {0} | labels[number + 1]


def test_mmpretrain_reads_it(data):
    compat.apply()  # MMPretrain imports torchvision
    datasets = pytest.importorskip('mmpretrain.datasets')
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        dataset = datasets.CustomDataset(
            data_root=str(data / 'cls' / 'val'),
            pipeline=[dict(type='LoadImageFromFile')],
        )
        assert list(dataset.CLASSES) == [str(i) for i in range(10)]
        for index in (0, len(dataset) - 1):
            read = dataset[index]
            assert read['img'].shape == (32, 32, 3)
            assert Path(read['img_path']).parent.name == str(read['gt_label'])
    assert 340 <= len(dataset) <= 380


def test_finished_data_is_left_alone(tool, settings, data):
    before = {path: path.stat().st_mtime_ns for path in data.rglob('*')}
    assert not tool.convert(data, 'det', settings)
    assert {path: path.stat().st_mtime_ns for path in data.rglob('*')} == before


def test_interrupted_run_is_redone(
    content, tool, formats, settings, data, tmp_path, monkeypatch
):
    """Whatever the moment, nothing half-written is ever taken for a data set."""
    drawn = []

    def stop_at_the_fourth(*arguments):
        drawn.append(1)
        if len(drawn) == 4:
            raise KeyboardInterrupt
        return compose(*arguments)

    compose = formats.compose_scene
    monkeypatch.setattr(formats, 'compose_scene', stop_at_the_fourth)
    with pytest.raises(KeyboardInterrupt):
        tool.convert(tmp_path, 'det', settings)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(formats, 'compose_scene', compose)
    assert tool.convert(tmp_path, 'det', settings)
    assert content(tmp_path / 'det') == content(data / 'det')


def test_leftovers_of_killed_runs_go_but_not_those_of_running_ones(
    tool, settings, tmp_path
):
    old, young = tmp_path / '.partial-old', tmp_path / '.partial-young'
    for folder in (old, young):
        (folder / 'train').mkdir(parents=True)
    os.utime(old, (0, 0))
    tool.convert(tmp_path, 'det', settings)
    assert not old.exists() and young.exists()


def test_missing_file_is_noticed_and_restored(content, tool, settings, data, tmp_path):
    tool.convert(tmp_path, 'det', settings)
    (tmp_path / 'det' / 'val' / '000001.png').unlink()
    assert tool.convert(tmp_path, 'det', settings)
    assert content(tmp_path / 'det') == content(data / 'det')


def test_other_settings_are_replaced_only_on_request(content, tool, settings, tmp_path):
    tool.convert(tmp_path, 'det', settings)
    before = content(tmp_path)
    other = tool.Settings(train=2, val=2, size=(120, 150), seed=9)
    with pytest.raises(FileExistsError, match='other settings.*--overwrite'):
        tool.convert(tmp_path, 'det', other)
    assert content(tmp_path) == before
    assert tool.convert(tmp_path, 'det', other, overwrite=True)
    assert len(list((tmp_path / 'det' / 'train').iterdir())) == 2


def test_foreign_folder_is_never_replaced(tool, settings, tmp_path):
    precious = tmp_path / 'det' / 'precious.txt'
    precious.parent.mkdir()
    precious.write_text('mine')
    with pytest.raises(FileExistsError, match='did not write'):
        tool.convert(tmp_path, 'det', settings, overwrite=True)
    assert precious.read_text() == 'mine'


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--train', '0'], 'train must be at least 1'),
        (['--size', '40', '160'], 'at least 80 pixels'),
        (['--seed', '-1'], 'seed must not be negative'),
        (['--clips', '8', '0'], 'clips must be at least 1'),
        (['--frames', '1'], 'frames must be at least 2'),
        (['--clip-size', '62'], 'clip size must be even and at least 64'),
        (['--clip-size', '65'], 'clip size must be even and at least 64'),
    ],
)
def test_bad_arguments_end_with_one_clear_line(
    tool, tmp_path, capsys, arguments, message
):
    assert tool.main([str(tmp_path / 'out'), *arguments]) == 1
    error = capsys.readouterr().err
    assert message in error and error.count('\n') == 1
    assert not (tmp_path / 'out').exists()


def test_command_line_writes_what_it_says(tool, tmp_path, capsys):
    arguments = [str(tmp_path), '--task', 'det', '--train', '2', '--val', '1']
    assert tool.main(arguments) == 0
    assert 'written' in capsys.readouterr().out
    assert tool.main(arguments) == 0
    assert 'already there' in capsys.readouterr().out
    assert not (tmp_path / 'cls').exists()
    with Image.open(tmp_path / 'det' / 'train' / '000000.png') as picture:
        assert picture.size == (160, 160) and picture.mode == 'RGB'
