# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""A half has half the channels: every layer of it, or on COCO its backbone."""

import pytest
import torch

#: Layers whose outputs are predictions, of which a half has as many.
PREDICTIONS = (
    'conv_cls', 'conv_reg', 'conv_centerness', 'retina_cls', 'retina_reg',
    'rpn_cls', 'rpn_reg', 'fc_cls', 'fc_reg', 'head.fc',
)  # fmt: skip
#: Halves of a backbone alone, whose neck reads half the channels (captions of Tables
#: III and IV of DKD), and how many million parameters they have.
BACKBONES = {
    'retinanet_r50_r50half_coco': 17.54,
    'fcos_r50_r50half_coco': 14.22,
    'faster-rcnn_r50_r50half_coco': 23.65,
}
#: Halves on every layer (section IV-C1).
WHOLE = [
    'resnet34_resnet34half_in1k',
    'resnet50_resnet50half_in1k',
    'fcos_r50_r50slim_coco',
    'fcos_r18_r18half_digits',
    'fcos_r18_r18half_bccd',
    'resnet18_resnet18half_digits',
    'resnet18_resnet18half_cifar10',
]
PAIRS = [*BACKBONES, *WHOLE]


def shapes(model: torch.nn.Module) -> dict:
    """Shapes of a model's parameters, by name."""
    return {key: tuple(value.shape) for key, value in model.named_parameters()}


def halved(key: str, shape: tuple) -> tuple:
    """The shape that a parameter has in a half."""
    if not shape or key.endswith('.scale'):
        return shape
    predicts = any(part in key for part in PREDICTIONS)
    out = shape[0] if predicts else shape[0] // 2
    if len(shape) == 1:
        return (out,)
    reads_image = shape[1] == 3
    return (out, shape[1] if reads_image else shape[1] // 2, *shape[2:])


@pytest.mark.parametrize('name', WHOLE)
def test_every_layer_has_half_the_channels(name, read_offline, outline):
    cfg = read_offline(f'dkd/{name}')
    teacher, student = (shapes(outline(cfg, n)) for n in ('teacher', 'student'))
    assert student == {key: halved(key, shape) for key, shape in teacher.items()}


@pytest.mark.parametrize('name', BACKBONES)
def test_half_a_backbone_has_a_whole_neck_and_head(name, read_offline, outline):
    cfg = read_offline(f'dkd/{name}')
    models = {stream: outline(cfg, stream) for stream in ('teacher', 'student')}
    teacher, student = (shapes(model) for model in models.values())
    assert set(teacher) == set(student)
    for key, shape in teacher.items():
        if key.startswith('backbone.'):
            expected = halved(key, shape)
        elif len(shape) == 4 and ('lateral_convs' in key or shape[1] == 2048):
            expected = (shape[0], shape[1] // 2, *shape[2:])
        else:
            expected = shape
        assert student[key] == expected, key
    millions = sum(p.numel() for p in models['student'].parameters()) / 1e6
    assert millions == pytest.approx(BACKBONES[name], abs=0.005)
    # Features of equal width are compared as they are, as in the released script.
    for transfer in cfg.model.transfers.values():
        assert 'target_connector' not in transfer


@pytest.mark.parametrize(
    'name, baseline',
    [
        ('fcos_r50_r50slim_coco', 'fcos_r50slim_coco'),
        ('fcos_r50_r50half_coco', 'fcos_r50half_coco'),
        ('retinanet_r50_r50half_coco', 'retinanet_r50half_coco'),
        ('faster-rcnn_r50_r50half_coco', 'faster-rcnn_r50half_coco'),
        ('resnet34_resnet34half_in1k', 'resnet34half_in1k'),
        ('resnet50_resnet50half_in1k', 'resnet50half_in1k'),
        ('fcos_r18_r18half_digits', 'fcos_r18half_digits'),
        ('fcos_r18_r18half_bccd', 'fcos_r18half_bccd'),
        ('resnet18_resnet18half_digits', 'resnet18half_digits'),
        ('resnet18_resnet18half_cifar10', 'resnet18half_cifar10'),
    ],
)
def test_the_student_alone_is_the_same_model(name, baseline, read_offline, resolve):
    cfg, alone = read_offline(f'dkd/{name}'), read_offline(f'baselines/{baseline}')
    if alone.get('data_preprocessor') is not None:
        alone.model.setdefault('data_preprocessor', alone.data_preprocessor)
    assert plain(resolve(cfg, 'student').model) == plain(alone.model)


def plain(cfg):
    """A config without the scopes that MMEngine notes in what is inherited."""
    if isinstance(cfg, dict):
        return {key: plain(value) for key, value in cfg.items() if key != '_scope_'}
    if isinstance(cfg, (list, tuple)):
        return [plain(value) for value in cfg]
    return cfg


@pytest.mark.parametrize('name', PAIRS)
def test_a_half_starts_from_scratch_and_learns_everywhere(
    name, read_offline, resolve, outline
):
    cfg = read_offline(f'dkd/{name}')
    student, model = resolve(cfg, 'student'), outline(cfg, 'student')
    assert student.checkpoint is None
    assert 'Pretrained' not in str(student.model)
    assert all(parameter.requires_grad for parameter in model.parameters())
    model.train()
    assert all(module.training for module in model.modules())
