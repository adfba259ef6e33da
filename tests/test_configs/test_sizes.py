# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Networks of the configs have the sizes that the papers and their code have."""

import pytest
import torch
from mmengine.registry import MODELS, DefaultScope

#: Million parameters, and billion multiply-adds of an image of 32x32 where they are
#: printed, of the networks of `_base_/models/cifar_backbones.py`.
CIFAR = {
    # EKD, Table VI: 0.61 M, and a head of 121 x 100.
    'resnet18_slim': (0.61 + 0.0121, None),
    # EKD, Table III, as in OKDDip's code: bottlenecks, three fully connected layers.
    'resnet110_bottleneck': (1.17, None),
    'vgg16_3fc': (15.30, 0.32),
    # DTSKD, Table 2.
    'vgg16': (14.77, 0.32),
    'resnet18': (11.22, 0.56),
    'resnext18': (None, 1.11),
    'shufflenetv2_3x3': (1.36, None),
    # IAKD, Table 7, on CIFAR-100; Tables 2(d) and 9(d) print one ShuffleNet.
    'resnet44': (0.67, 0.0985),
    'resnet26': (0.38, 0.0556),
    'shufflenetv1_x4': (0.130, None),
    'shufflenetv1_x8': (0.442, None),
}


@pytest.fixture(scope='module')
def tool(import_analysis_tool):
    return import_analysis_tool('stream_costs')


@pytest.fixture(scope='module')
def plain(import_analysis_tool):
    return import_analysis_tool('plain_streams')


@pytest.mark.parametrize('name', CIFAR)
def test_sizes_of_cifars_networks(name, read, tool):
    size, operations = CIFAR[name]
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(read('_base_/models/cifar_backbones')[name]).eval()
    if size is not None:
        assert tool.parameters(model) / 1e6 == pytest.approx(size, rel=0.012)
    if operations is not None:
        found = tool.count_operations(model, 'mmpretrain', (3, 32, 32)) / 1e9
        assert found == pytest.approx(operations, rel=0.03)


def test_stages_of_ekds_resnet110(read):
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(read('_base_/models/cifar_backbones').resnet110_bottleneck)
    stages = [getattr(model.backbone, name) for name in model.backbone.res_layers]
    assert [len(stage) for stage in stages] == [12, 12, 12]
    assert {type(block).__name__ for stage in stages for block in stage} == {
        'Bottleneck'
    }
    (feature,) = model.backbone(torch.rand(2, 3, 32, 32))
    assert feature.shape == (2, 256, 8, 8)


@pytest.mark.slow
@pytest.mark.parametrize(
    ('config', 'shape', 'sizes'),
    [
        # DKD, Table V.
        (
            'dkd/swin-s_swin-t_in1k',
            (3, 224, 224),
            dict(student=(28, 4.5), teacher=(50, 8.7)),
        ),
        # DPK, Table 10.
        (
            'dpk/convnext-l_convnext-e_in1k',
            (3, 224, 224),
            dict(teacher=(197.77, 34.4)),
        ),
    ],
)
def test_printed_sizes_of_large_networks(config, shape, sizes, read, tool, plain):
    streams = plain.read_streams(read(config))
    for name, (size, operations) in sizes.items():
        model = plain.build(streams[name])
        assert tool.parameters(model) / 1e6 == pytest.approx(size, rel=0.015)
        found = tool.count_operations(model, streams[name].scope, shape) / 1e9
        assert found == pytest.approx(operations, rel=0.015)


@pytest.mark.slow
def test_connectors_of_a_large_detector_are_larger_than_its_student(read, tool, plain):
    """What the page of DPK says of their cost."""
    cfg = read('dpk/dpk-fgd_faster-rcnn_r152_r50_coco')
    streams = plain.read_streams(cfg)
    extras = tool.count_extras(cfg, streams)
    assert extras['loss_dpk'] / 1e6 == pytest.approx(118, abs=0.5)
    student = tool.parameters(plain.build(streams['student'])) / 1e6
    assert student == pytest.approx(41.8, abs=0.1)
