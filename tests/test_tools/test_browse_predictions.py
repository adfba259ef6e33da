# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Predictions of all streams beside the ground truth."""

import json
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

GREEN, RED, BLUE = '#009E73', '#D55E00', '#0072B2'


@pytest.fixture(scope='module')
def tool(import_tool):
    return import_tool('analysis_tools/browse_predictions')


def pixels(path, color) -> int:
    """How many pixels of a figure have a colour, given by its hexadecimal name."""
    values = [int(color[i : i + 2], 16) for i in (5, 3, 1)]
    return int((cv2.imread(str(path)) == values).all(-1).sum())


@pytest.fixture
def data(tmp_path):
    """Three images with a box each, and in class folders."""
    images, annotations = [], []
    for index in range(3):
        image = np.full((64, 64, 3), 80, np.uint8)
        image[16:48, 16:48] = 200
        for folder in (tmp_path / 'images', tmp_path / 'folders' / 'ab'[index % 2]):
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(folder / f'{index}.png')
        images.append(dict(id=index, file_name=f'{index}.png', height=64, width=64))
        box = dict(bbox=[16, 16, 32, 32], area=1024, iscrowd=0, category_id=1)
        annotations.append(dict(box, id=index + 1, image_id=index))
    names = [dict(id=i + 1, name=name) for i, name in enumerate('abc')]
    content = dict(images=images, annotations=annotations, categories=names)
    (tmp_path / 'coco.json').write_text(json.dumps(content))
    return tmp_path


@pytest.fixture
def run(data, build):
    """Write a config and a checkpoint of it."""

    def write(library: str, model: dict, transfer: dict, dataset: dict) -> list[str]:
        streams = {
            name: dict(model=model, input_shape=(3, 64, 64))
            for name in ('teacher', 'student')
        }
        loader = dict(batch_size=2, num_workers=4, persistent_workers=True)
        cfg = dict(
            default_scope=library,
            custom_imports=dict(imports=['dynkd']),
            model=dict(
                type='dynkd.Distillation',
                streams=streams,
                transfers=dict(loss_x=transfer),
            ),
            val_dataloader=dict(loader, dataset=dataset),
        )
        Config(cfg).dump(data / 'config.py')
        built = build(streams=streams, transfers=dict(loss_x=transfer))
        torch.save(dict(state_dict=built.state_dict()), data / 'epoch_1.pth')
        return [str(data / 'config.py'), str(data / 'epoch_1.pth')]

    return write


def test_classifiers(tool, run, data, classifier, kld, tmp_path, capsys):
    dataset = dict(
        type='CustomDataset',
        data_root=str(data / 'folders'),
        pipeline=[dict(type='LoadImageFromFile'), dict(type='PackInputs')],
    )
    words = run('mmpretrain', classifier(2), kld('teacher', 'student'), dataset)
    out = tmp_path / 'figures' / 'a.png'
    tool.main([*words, '--out', str(out), '--number', '2', '--skip', '1'])
    assert f'Wrote {out}' in capsys.readouterr().out
    height, width = cv2.imread(str(out)).shape[:2]
    assert (height, width) == (624, 1080), 'two rows of three'
    assert pixels(out, GREEN) > 10
    with pytest.raises(SystemExit, match='not more than 3 samples'):
        tool.main([*words, '--out', str(out), '--skip', '3'])


def test_detectors(tool, run, data, fcos, tmp_path):
    dataset = dict(
        type='CocoDataset',
        ann_file=str(data / 'coco.json'),
        data_prefix=dict(img=f'{data / "images"}/'),
        metainfo=dict(classes=('a', 'b', 'c')),
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='Resize', scale=(32, 32)),
            dict(
                type='PackDetInputs',
                meta_keys=('img_id', 'img_shape', 'ori_shape', 'scale_factor'),
            ),
        ],
        test_mode=True,
    )
    taps = dict(source='teacher.neck', target='student.neck')
    transfer = dict(taps, loss=dict(type='FeatureLoss'))
    words = run('mmdet', fcos(), transfer, dataset)
    out = tmp_path / 'a.png'
    tool.main([*words, '--out', str(out), '--score', '0'])
    assert pixels(out, GREEN) > 500 and pixels(out, BLUE) > 500


def test_a_wrong_class_is_red(tool, tmp_path):
    image = np.zeros((32, 32, 3), np.uint8)

    def predicts(label: int) -> SimpleNamespace:
        score = torch.tensor([0.2, 0.8])
        return SimpleNamespace(pred_label=torch.tensor([label]), pred_score=score)

    for label, color in ((1, BLUE), (0, RED)):
        row = image, dict(gt_label=1), dict(student=predicts(label))
        tool.draw([row], ('daisy', 'rose'), 0.3, tmp_path / 'a.png')
        assert pixels(tmp_path / 'a.png', color) > 10
        other = RED if color == BLUE else BLUE
        assert pixels(tmp_path / 'a.png', other) == 0


def test_the_first_frame_of_a_clip(tool):
    frames = torch.arange(2 * 3 * 4 * 5 * 5).reshape(2, 3, 4, 5, 5)
    found = tool.picture({}, dict(inputs=[frames]))
    assert found.shape == (5, 5, 3)
    assert (found == frames[0, :, 0].permute(1, 2, 0).byte().numpy()).all()
    flat = tool.picture({}, dict(inputs=dict(rgb=[frames[:, :, 0]])))
    assert (flat == found).all()


def test_a_plain_config_is_refused(tool, data):
    Config(dict(model=dict(type='FCOS'))).dump(data / 'plain.py')
    with pytest.raises(SystemExit, match='has no streams'):
        tool.main([str(data / 'plain.py'), 'x.pth', '--out', 'a.png'])


def test_images_that_are_in_the_annotations(tool):
    """As those of CIFAR and MNIST, without files."""
    image = np.random.RandomState(0).randint(0, 256, (8, 8, 3), np.uint8)
    assert (tool.picture(dict(img=image), {}) == image).all()
    gray = tool.picture(dict(img=image[..., 0]), {})
    assert gray.shape == (8, 8, 3) and (gray == image[..., :1]).all()
    batch = dict(inputs=[torch.from_numpy(image).permute(2, 0, 1)])
    assert (tool.picture({}, batch) == image).all()
