# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What all CIFAR classifiers have in common: sizes, shapes, gradients, state."""

import copy
import pickle
import re

import pytest
import torch
from torch import nn

#: Numbers of parameters with 100 classes: another number is another architecture.
EXACT = {
    'vgg8': 3_965_028,
    'resnet20': 278_324,
    'resnet110': 1_736_564,
    # As the code of OKDDip has them.
    'resnet110_bottleneck': 1_170_868,
    'vgg16_3fc': 15_299_748,
    'shufflenetv2': 1_355_528,
    'resnet8x4': 1_233_540,
    'resnet32x4': 7_433_860,
    'wrn16_2': 703_284,
    'wrn40_1': 569_780,
    'wrn40_2': 2_255_156,
}
#: Classes, millions of parameters and how far off they may be, as published: table 7 of
#: Interactive Knowledge Distillation, Deep Residual Learning (10 classes), and the zoo
#: of Contrastive Representation Distillation.
ROUNDED = {
    'resnet26': (100, 0.38, 0.005),
    'resnet44': (100, 0.67, 0.005),
    'resnet80': (200, 1.26, 0.005),
    'resnet32': (10, 0.46, 0.01),
    'resnet56': (10, 0.85, 0.01),
    'resnet110': (10, 1.73, 0.005),
    # The units that halve the resolution are wider than in the zoo that has 0.95 M.
    'shufflenetv1': (100, 0.95, 0.06),
    # The stage that has 16 channels has 12 in the zoo that has 812,836.
    'mobilenetv2_half': (100, 0.813, 0.003),
}
#: Channels and resolution of each stage, for images of 32x32.
VGG = [(64, 16), (128, 8), (256, 4), (512, 2), (512, 2)]
RESNET = [(64, 32), (128, 16), (256, 8), (512, 4)]
BOTTLENECK = [(256, 32), (512, 16), (1024, 8), (2048, 4)]
SHUFFLE_V2 = [(116, 16), (232, 8), (464, 4), (1024, 4)]
THIN = [(16, 32), (32, 16), (64, 8)]
TWICE = [(32, 32), (64, 16), (128, 8)]
FOURFOLD = [(64, 32), (128, 16), (256, 8)]
EIGHTFOLD = [(128, 32), (256, 16), (512, 8)]
MOBILE_V2 = [(8, 16), (16, 16), (16, 8), (32, 4), (48, 4), (80, 2), (160, 2)]
STAGES = {
    **dict.fromkeys(['vgg8', 'vgg11', 'vgg13', 'vgg16', 'vgg19'], VGG),
    'vgg16_3fc': VGG,
    **dict.fromkeys(['resnet18', 'resnet34', 'resnext18', 'senet34'], RESNET),
    **dict.fromkeys(['resnet50', 'resnet101', 'wrn50_2'], BOTTLENECK),
    **dict.fromkeys(['shufflenetv2', 'shufflenetv2_3x3'], SHUFFLE_V2),
    **{f'resnet{depth}': THIN for depth in (8, 20, 26, 32, 44, 56, 80, 110)},
    **dict.fromkeys(['cheap_resnet26', 'wrn40_1'], THIN),
    **dict.fromkeys(['wrn16_2', 'wrn40_2'], TWICE),
    **dict.fromkeys(['resnet56_bottleneck', 'cheap_resnet56_bottleneck'], FOURFOLD),
    **dict.fromkeys(['resnet8x4', 'resnet32x4', 'resnet50x4'], FOURFOLD),
    'resnet110_bottleneck': FOURFOLD,
    'shufflenetv1_x4': FOURFOLD,
    **dict.fromkeys(['resnet50x8', 'shufflenetv1_x8'], EIGHTFOLD),
    'mobilenetv2_half': [*MOBILE_V2, (1280, 2)],
    'resnet18_slim': [(15, 32), (30, 16), (60, 8), (120, 4)],
    'shufflenetv1': [(240, 16), (480, 8), (960, 4)],
}
#: One of each family, the smallest.
FAMILIES = [
    'vgg8',
    'vgg11',
    'resnet18_slim',
    'resnext18',
    'senet34',
    'shufflenetv1',
    'shufflenetv2',
    'shufflenetv2_3x3',
    'resnet20',
    'resnet56_bottleneck',
    'cheap_resnet26',
    'cheap_resnet56_bottleneck',
    'shufflenetv1_x4',
    'wrn16_2',
    'mobilenetv2_half',
]


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def randomised(model: nn.Module) -> nn.Module:
    """A model whose norm layers are no identities and have seen something."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return model.eval()


def conv(inputs, outputs, kernel=3, groups=1):
    """Weights of a convolution and its norm layer."""
    return kernel**2 * inputs * outputs // groups + 2 * outputs


def basic_resnet(blocks, widths, inner=1, squeeze=None, classes=100, stem=None):
    """Parameters of a ResNet of basic blocks, counted layer by layer."""
    inputs = stem or widths[0]
    total = conv(3, inputs)
    for number, width in zip(blocks, widths, strict=True):
        total += conv(inputs, width, 1) if inputs != width else 0
        for _ in range(number):
            total += conv(inputs, inner * width) + conv(inner * width, width)
            if squeeze:
                less = squeeze(width)
                total += 2 * width * less + width + less
            inputs = width
    return total + (inputs + 1) * classes


def wide_resnet50():
    total, inputs = conv(3, 64), 64
    for stage, number in enumerate((3, 4, 6, 3)):
        middle, outputs = 128 * 2**stage, 256 * 2**stage
        total += conv(inputs, outputs, 1)
        for _ in range(number):
            total += conv(inputs, middle, 1) + conv(middle, middle)
            total += conv(middle, outputs, 1)
            inputs = outputs
    return total + (inputs + 1) * 100


def bottleneck_resnet56():
    total, inputs = conv(3, 16), 16
    for middle in (16, 32, 64):
        total += conv(inputs, 4 * middle, 1)
        for _ in range(6):
            total += conv(inputs, middle, 1) + conv(middle, middle)
            total += conv(middle, 4 * middle, 1)
            inputs = 4 * middle
    return total + (inputs + 1) * 100


def cheap(inputs, outputs, groups=4):
    """Weights of a cheap convolution and both its norm layers."""
    return conv(inputs, inputs, groups=groups) + conv(inputs, outputs, 1)


def cheap_resnet26():
    total, inputs = conv(3, 16), 16
    for width in (16, 32, 64):
        total += conv(inputs, width, 1) if inputs != width else 0
        for _ in range(4):
            total += cheap(inputs, width) + cheap(width, width)
            inputs = width
    return total + (inputs + 1) * 100


def cheap_bottleneck_resnet56():
    dense = sum(6 * conv(middle, middle) for middle in (16, 32, 64))
    return bottleneck_resnet56() - dense + sum(6 * cheap(m, m) for m in (16, 32, 64))


def vgg(convolutions):
    total, inputs = 0, 3
    for number, width in zip(convolutions, (64, 128, 256, 512, 512), strict=True):
        for _ in range(number):
            # With biases.
            total += conv(inputs, width) + width
            inputs = width
    return total + 513 * 100


COUNTED = {
    'vgg11': vgg((1, 1, 2, 2, 2)),
    'vgg13': vgg((2, 2, 2, 2, 2)),
    'vgg16': vgg((2, 2, 3, 3, 3)),
    'vgg19': vgg((2, 2, 4, 4, 4)),
    'resnet18': basic_resnet((2, 2, 2, 2), (64, 128, 256, 512)),
    'resnet34': basic_resnet((3, 4, 6, 3), (64, 128, 256, 512)),
    'resnext18': basic_resnet((2, 2, 2, 2), (64, 128, 256, 512), inner=2),
    'senet34': basic_resnet(
        (3, 4, 6, 3), (64, 128, 256, 512), squeeze=lambda width: max(8, width // 16)
    ),
    'resnet8': basic_resnet((1, 1, 1), (16, 32, 64)),
    'resnet32': basic_resnet((5, 5, 5), (16, 32, 64)),
    'wrn50_2': wide_resnet50(),
    'resnet56_bottleneck': bottleneck_resnet56(),
    'cheap_resnet26': cheap_resnet26(),
    'cheap_resnet56_bottleneck': cheap_bottleneck_resnet56(),
    'resnet50x4': basic_resnet((8, 8, 8), (64, 128, 256), stem=32),
    'resnet50x8': basic_resnet((8, 8, 8), (128, 256, 512), stem=64),
    'shufflenetv2_3x3': EXACT['shufflenetv2'] + (9 - 1) * 3 * 24,
}


def test_every_classifier_is_checked(zoo):
    assert set(STAGES) == set(zoo)


@pytest.mark.parametrize(('name', 'number'), (EXACT | COUNTED).items())
def test_parameters_are_exactly_as_many(name, number, classifier_of):
    assert parameters(classifier_of(name)) == number


@pytest.mark.parametrize('name', ROUNDED)
def test_parameters_are_about_as_many(name, classifier_of):
    classes, millions, tolerance = ROUNDED[name]
    model = classifier_of(name)
    head = (model.head.in_channels + 1) * classes
    found = (parameters(model.backbone) + head) / 1e6
    assert found == pytest.approx(millions, abs=tolerance)


def test_the_slim_resnet18_has_so_many_weights_in_its_convolutions(classifier_of):
    backbone = classifier_of('resnet18_slim').backbone
    weights = sum(
        module.weight.numel()
        for module in backbone.modules()
        if isinstance(module, nn.Conv2d)
    )
    assert 0.605e6 < weights < 0.615e6
    norms = parameters(backbone) - weights
    assert 0 < norms < 0.0025e6
    with torch.no_grad():
        (feature,) = backbone(torch.rand(2, 3, 16, 16))
    assert feature.shape == (2, 120, 2, 2)


@pytest.mark.parametrize('name', STAGES)
def test_stages_have_these_channels_and_strides(name, classifier_of):
    expected = STAGES[name]
    model = classifier_of(name, out_indices=tuple(range(len(expected)))).eval()
    with torch.no_grad():
        stages = model.backbone(torch.rand(1, 3, 32, 32))
        logits = model.head(model.neck(stages))
    assert [tuple(stage.shape) for stage in stages] == [
        (1, channels, side, side) for channels, side in expected
    ]
    assert model.head.in_channels == expected[-1][0]
    assert logits.shape == (1, 100)


@pytest.mark.parametrize('name', FAMILIES)
def test_images_of_16x16_fit(name, classifier_of):
    model = classifier_of(name).eval()
    with torch.no_grad():
        assert model(torch.rand(1, 3, 16, 16), mode='tensor')[0].numel()


@pytest.mark.parametrize('name', FAMILIES)
def test_gradients_reach_every_parameter(name, classifier_of):
    # Else the residual branches get no gradient in the first step.
    changes = {'zero_init_residual': False} if 'res' in name or 'se' in name else {}
    model = classifier_of(name, **changes)
    model.init_weights()
    model.train()
    logits = model.head(model.neck(model.backbone(torch.randn(4, 3, 32, 32))))
    logits.square().sum().backward()
    gradients = {key: value.grad for key, value in model.named_parameters()}
    assert None not in gradients.values()
    # A bias before a norm layer changes nothing; VGG's convolutions have one.
    idle = {key for key in gradients if re.fullmatch(r'.*features.*conv\.bias', key)}
    assert bool(idle) == name.startswith('vgg')
    still = {key for key, value in gradients.items() if not value.any()}
    assert still <= idle


@pytest.mark.parametrize('name', FAMILIES)
def test_state_and_pickles_give_the_same_model(name, classifier_of):
    model = randomised(classifier_of(name))
    other = randomised(classifier_of(name))
    images = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        expected = model.head(model.neck(model.backbone(images)))
        first = other.head(other.neck(other.backbone(images)))
        other.load_state_dict(model.state_dict(), strict=True)
        copies = [other, pickle.loads(pickle.dumps(model)), copy.deepcopy(model)]
        for twin in copies:
            logits = twin.head(twin.neck(twin.backbone(images)))
            torch.testing.assert_close(logits, expected, rtol=0, atol=0)
    assert not torch.allclose(first, expected)


@pytest.mark.parametrize('name', ['vgg8', 'senet34', 'shufflenetv2', 'resnet20'])
def test_frozen_stages_and_norms_stay(name, classifier_of):
    model = classifier_of(name, frozen_stages=1, norm_eval=True).train()
    learning = [p for p in model.backbone.parameters() if p.requires_grad]
    assert 0 < len(learning) < len(list(model.backbone.parameters()))
    norms = [m for m in model.backbone.modules() if isinstance(m, nn.BatchNorm2d)]
    assert norms
    assert not any(norm.training for norm in norms)
