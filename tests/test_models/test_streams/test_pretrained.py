# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Pretrained weights see images as they were trained on, and classes fit the head."""

import logging
import re

import pytest

from dynkd.models.streams import StreamConfig, config, pretrained_files
from dynkd.models.streams.pretrained import preprocessor_fault

RGB = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])
CAFFE = dict(mean=[103.53, 116.28, 123.675], std=[1.0, 1.0, 1.0])
TORCHVISION = 'torchvision://resnet50'
BGR = 'open-mmlab://detectron2/resnet50_caffe'


def model(path: str, **preprocessor) -> dict:
    init = dict(type='Pretrained', checkpoint=path)
    return dict(
        data_preprocessor=dict(dict(type='DetDataPreprocessor'), **preprocessor),
        backbone=dict(type='ResNet', init_cfg=init),
    )


@pytest.mark.parametrize(
    'path, preprocessor, fault',
    [
        (TORCHVISION, dict(RGB, bgr_to_rgb=True), None),
        (TORCHVISION, dict(RGB, to_rgb=True), None),
        (BGR, dict(CAFFE, bgr_to_rgb=False), None),
        (BGR, CAFFE, None),
        (TORCHVISION, CAFFE, 'for RGB images divided .* returns BGR images not'),
        (BGR, dict(RGB, bgr_to_rgb=True), 'for BGR images not .* returns RGB images'),
        (TORCHVISION, dict(RGB, bgr_to_rgb=False), 'for RGB .* returns BGR images'),
        (BGR, dict(CAFFE, std=RGB['std']), 'not divided'),
        ('https://download.pytorch.org/models/r.pth', CAFFE, 'for RGB'),
        # What is normalised alike, as gray images are.
        (TORCHVISION, dict(mean=[127.5] * 3, std=[63.75] * 3), None),
        # Of videos, and of weights of other origins.
        (TORCHVISION, dict(RGB, type='ActionDataPreprocessor'), None),
        ('open-mmlab://vgg16_caffe', dict(RGB, bgr_to_rgb=True, std=[1, 1, 1]), None),
        ('mine.pth', CAFFE, None),
    ],
)
def test_images_of_pretrained_weights(path, preprocessor, fault):
    found = preprocessor_fault(model(path, **preprocessor))
    if fault is None:
        assert found is None
    else:
        assert re.search(fault, found), found


def test_a_wrong_preprocessor_is_warned_of(monkeypatch):
    """The half of a caffe config, its backbone, in a config of torchvision's."""
    logged = []
    monkeypatch.setattr(
        config, 'print_log', lambda text, level, **_: logged.append((level, text))
    )
    changed = dict(
        backbone=dict(
            depth=18,
            init_cfg=dict(checkpoint='torchvision://resnet18'),
            frozen_stages=0,
        ),
        neck=dict(in_channels=[64, 128, 256, 512]),
    )
    path = 'mmdet::fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py'
    StreamConfig.from_cfg('student', dict(config=path, model=changed)).build()
    assert [level for level, _ in logged] == [logging.WARNING]
    assert 'stream `student`: the weights `torchvision://resnet18`' in logged[0][1]
    logged.clear()
    changed['backbone']['init_cfg'] = None
    StreamConfig.from_cfg('student', dict(config=path, model=changed)).build()
    assert logged == []


def test_a_classifier_mixes_labels_of_as_many_classes_as_its_head_has():
    """A config of ImageNet, given a head of 10 classes, keeps 1000 beside the model."""
    cfg = dict(
        config='mmpretrain::resnet/resnet50_8xb256-rsb-a1-600e_in1k.py',
        model=dict(head=dict(num_classes=10)),
    )
    first = StreamConfig.from_cfg('student', cfg)
    assert first.model.data_preprocessor.num_classes == 10
    cfg = dict(config='mmpretrain::resnet/resnet18_8xb32_in1k.py')
    assert StreamConfig.from_cfg('a', cfg).model.data_preprocessor.num_classes == 1000


def test_the_runs_preprocessor_is_not_changed(classifier):
    """The streams without one share it."""
    shared = dict(num_classes=1000, mean=[0.0], std=[1.0])
    own = classifier(num_classes=7)
    del own['data_preprocessor']
    found = StreamConfig.from_cfg('student', dict(model=own), shared)
    assert found.model.data_preprocessor.num_classes == 7
    assert shared['num_classes'] == 1000


def test_pretrained_files_are_found_wherever_they_are_named():
    parts = dict(
        backbone=dict(pretrained='a.pth'),
        neck=[
            dict(
                init_cfg=[dict(type='Xavier'), dict(type='Pretrained', checkpoint='b')]
            )
        ],
        head=dict(init_cfg=dict(type='Normal')),
        init_cfg=dict(type='Pretrained', checkpoint='c'),
    )
    assert sorted(pretrained_files(parts)) == ['a.pth', 'b', 'c']
