# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Boxes in PASCAL VOC's format are written in COCO's."""

import json

import pytest
from pycocotools.coco import COCO

BOX = """<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin>
<xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"""
CLASSES = ['--classes', 'RBC', 'WBC']


@pytest.fixture(scope='module')
def tool(import_converter):
    return import_converter('voc_to_coco')


@pytest.fixture
def cells(tmp_path):
    """A data set of three images in two splits."""
    root = tmp_path / 'cells'
    for name in ('Annotations', 'JPEGImages', 'ImageSets/Main'):
        (root / name).mkdir(parents=True)
    boxes = dict(
        a=[('WBC', 10, 20, 40, 60), ('RBC', 0, 0, 5, 5)],
        b=[('RBC', 1, 2, 3, 7), ('RBC', 9, 9, 9, 30)],
        c=[],
    )
    for name, own in boxes.items():
        text = ''.join(BOX.format(*box) for box in own)
        (root / 'Annotations' / f'{name}.xml').write_text(
            '<annotation><size><width>64</width><height>80</height></size>'
            f'{text}</annotation>'
        )
        (root / 'JPEGImages' / f'{name}.jpg').write_text(f'image {name}')
    (root / 'ImageSets/Main/train.txt').write_text('b\na\n')
    (root / 'ImageSets/Main/val.txt').write_text('c\n')
    return root


def call(tool, root, *words):
    words = [str(root), str(root.parent / 'out'), '--splits', 'train', 'val', *words]
    return tool.main(words)


def test_boxes_images_and_categories(tool, cells, capsys):
    assert call(tool, cells, *CLASSES) == 0
    out = cells.parent / 'out'
    said = capsys.readouterr().out
    assert '2 images, 3 boxes, 1 without an area left out' in said
    assert '1 images, 0 boxes\n' in said
    coco = COCO(str(out / 'train.json'))
    assert [one['name'] for one in coco.loadCats([1, 2])] == ['RBC', 'WBC']
    images = coco.loadImgs([1, 2])
    assert [one['file_name'] for one in images] == ['b.jpg', 'a.jpg']
    assert {(one['width'], one['height']) for one in images} == {(64, 80)}
    found = coco.loadAnns(coco.getAnnIds(imgIds=[2]))
    assert [(one['category_id'], one['bbox'], one['area']) for one in found] == [
        (2, [10, 20, 30, 40], 1200),
        (1, [0, 0, 5, 5], 25),
    ]
    assert json.loads((out / 'val.json').read_text())['annotations'] == []
    assert (out / 'images/c.jpg').read_text() == 'image c'


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda root: (root / 'Annotations/a.xml').unlink(), 'a.xml'),
        (lambda root: (root / 'Annotations/a.xml').write_text('<ann'), 'a.xml: '),
        (
            lambda root: (root / 'Annotations/a.xml').write_text('<annotation/>'),
            'a.xml: there is no <size/width>',
        ),
        (lambda root: (root / 'JPEGImages/c.jpg').unlink(), 'c.jpg'),
        (lambda root: (root / 'ImageSets/Main/val.txt').unlink(), 'val.txt'),
    ],
)
def test_nothing_is_written_of_what_cannot_be_read(
    tool, cells, capsys, change, message
):
    change(cells)
    assert call(tool, cells, *CLASSES) == 1
    assert message in capsys.readouterr().err
    assert not list((cells.parent / 'out').glob('*'))


def test_another_class_is_named(tool, cells, capsys):
    assert call(tool, cells, '--classes', 'RBC') == 1
    assert "a.xml: the class 'WBC' is not one of RBC" in capsys.readouterr().err
