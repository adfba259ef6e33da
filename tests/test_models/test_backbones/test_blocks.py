# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What the backbones compute that MMPretrain's own do not, and their errors."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from dynkd.models.backbones import (
    VGG8,
    ResNet6nPlus2,
    ResNeXt_CIFAR,
    SEResNet_CIFAR,
    ShuffleNetV1_CIFAR,
    ShuffleNetV2_CIFAR,
    WideResNet_CIFAR,
)
from dynkd.models.backbones.resnext_cifar import ResNeXtBasicBlock
from dynkd.models.backbones.seresnet_cifar import SEBasicBlock
from dynkd.models.backbones.wide_resnet import PreActBlock

SHUFFLENETS = [ShuffleNetV1_CIFAR, ShuffleNetV2_CIFAR]


def run(backbone: nn.Module, side: int) -> torch.Tensor:
    """The last feature of a random image. MMPretrain's `eval()` returns nothing."""
    backbone.eval()
    with torch.no_grad():
        return backbone(torch.rand(1, 3, side, side))[-1]


def batch_norm(x, norm):
    """Normalisation over the batch, written out."""
    mean = x.mean((0, 2, 3), keepdim=True)
    variance = x.var((0, 2, 3), keepdim=True, unbiased=False)
    scaled = (x - mean) / (variance + norm.eps).sqrt()
    return scaled * norm.weight.view(1, -1, 1, 1) + norm.bias.view(1, -1, 1, 1)


def residual(block, x, stride):
    """The two convolutions of a basic block, and the shortcut."""
    out = F.conv2d(x, block.conv1.weight, stride=stride, padding=1)
    out = batch_norm(out, block.norm1).clamp(min=0)
    out = batch_norm(F.conv2d(out, block.conv2.weight, padding=1), block.norm2)
    if block.downsample is not None:
        x = F.conv2d(x, block.downsample[0].weight, stride=stride)
        x = batch_norm(x, block.downsample[1])
    return out, x


def shortcut(inputs, outputs, stride):
    if inputs == outputs and stride == 1:
        return None
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False),
        nn.BatchNorm2d(outputs),
    )


@pytest.mark.parametrize(('outputs', 'stride'), [(32, 1), (64, 2)])
def test_se_block_weights_the_residual_by_its_channels_means(outputs, stride):
    downsample = shortcut(32, outputs, stride)
    block = SEBasicBlock(32, outputs, stride=stride, downsample=downsample, se_ratio=4)
    block = block.double().train()
    x = torch.randn(3, 32, 6, 6, dtype=torch.float64)
    out, identity = residual(block, x, stride)
    squeeze, excite = block.se_layer.conv1.conv, block.se_layer.conv2.conv
    assert squeeze.weight.size(0) == outputs // 4
    hidden = (out.mean((2, 3)) @ squeeze.weight.flatten(1).T + squeeze.bias).clamp(0)
    weights = torch.sigmoid(hidden @ excite.weight.flatten(1).T + excite.bias)
    expected = (identity + out * weights[:, :, None, None]).clamp(min=0)
    torch.testing.assert_close(block(x), expected)


def test_se_block_computes_the_same_from_checkpoints():
    # No running statistics that the second forward pass would move again.
    block = SEBasicBlock(32, 32).double().eval()
    x = torch.randn(2, 32, 4, 4, dtype=torch.float64, requires_grad=True)
    results = []
    for block.with_cp in (False, True):
        out = block(x)
        out.square().sum().backward()
        results.append((out.detach(), x.grad.clone(), block.conv1.weight.grad.clone()))
        x.grad = block.conv1.weight.grad = None
    for plain, checkpointed in zip(*results, strict=True):
        torch.testing.assert_close(plain, checkpointed)


def test_se_block_drops_its_path():
    block = SEBasicBlock(32, 32, drop_path_rate=0.999).train()
    x = torch.rand(4, 32, 4, 4)
    torch.testing.assert_close(block(x), x)
    assert not torch.allclose(block.eval()(x), x)


@pytest.mark.parametrize(('outputs', 'stride'), [(16, 1), (32, 2)])
def test_resnext_block_is_wide_inside(outputs, stride):
    downsample = shortcut(16, outputs, stride)
    block = ResNeXtBasicBlock(
        16,
        outputs,
        base_channels=16,
        groups=8,
        width_per_group=3,
        stride=stride,
        downsample=downsample,
    )
    block = block.double().train()
    assert block.conv1.weight.shape == (24 * outputs // 16, 16, 3, 3)
    x = torch.randn(3, 16, 6, 6, dtype=torch.float64)
    out, identity = residual(block, x, stride)
    torch.testing.assert_close(block(x), (identity + out).clamp(min=0))


def multiplications(model: nn.Module) -> int:
    """Multiplications of the convolutions for an image of 32x32."""
    total = 0

    def count(module, _, output):
        nonlocal total
        total += module.weight[0].numel() * output[0].numel()

    hooks = [
        module.register_forward_hook(count)
        for module in model.modules()
        if isinstance(module, nn.Conv2d)
    ]
    run(model, 32)
    for hook in hooks:
        hook.remove()
    return total


def test_resnext18_costs_what_the_dtskd_paper_says(classifier_of):
    # Table 2: 0.56 G and 1.11 G, which other layers than convolutions add to.
    plain = multiplications(classifier_of('resnet18').backbone) / 1e9
    wide = multiplications(classifier_of('resnext18').backbone) / 1e9
    assert plain == pytest.approx(0.56, abs=0.01)
    assert wide == pytest.approx(1.11, abs=0.01)


@pytest.mark.parametrize(
    ('backbone', 'kind'), [(ResNeXt_CIFAR, 'groups'), (SEResNet_CIFAR, 'se_layer')]
)
def test_bottlenecks_are_mmpretrains(backbone, kind):
    model = backbone(depth=50, base_channels=32, stem_channels=32)
    block = model.layer2[0]
    assert type(block).__module__.startswith('mmpretrain.')
    assert getattr(block, kind)
    assert model.conv1.stride == (1, 1)
    assert run(model, 16).shape == (1, 1024, 2, 2)


@pytest.mark.parametrize('backbone', SHUFFLENETS)
@pytest.mark.parametrize('kernel', [1, 3, 5])
def test_shufflenet_stem_keeps_the_resolution(backbone, kernel):
    model = backbone(stem_kernel_size=kernel)
    assert model.conv1.conv.kernel_size == (kernel, kernel)
    with torch.no_grad():
        stem = model.maxpool(model.conv1(torch.rand(1, 3, 16, 16)))
    assert stem.shape == (1, 24, 16, 16)


@pytest.mark.parametrize('backbone', SHUFFLENETS)
@pytest.mark.parametrize('kernel', [0, 2, -1])
def test_shufflenet_stem_must_be_odd(backbone, kernel):
    with pytest.raises(ValueError, match=f'{backbone.__name__}.*odd, got {kernel}'):
        backbone(stem_kernel_size=kernel)


@pytest.mark.parametrize(
    ('depth', 'block', 'nearest'),
    [(18, 'basic', 20), (2, 'basic', 8), (57, 'basic', 56), (50, 'bottleneck', 47)],
)
def test_resnet_must_have_three_equal_stages(depth, block, nearest):
    with pytest.raises(ValueError, match=f'got {depth}; the nearest is {nearest}'):
        ResNet6nPlus2(depth, block=block)


def test_resnet_has_two_kinds_of_blocks():
    with pytest.raises(ValueError, match="'basic', 'bottleneck'.*got 'wide'"):
        ResNet6nPlus2(20, block='wide')


def test_resnet_may_be_wider():
    model = ResNet6nPlus2(8, stem_channels=32, base_channels=64)
    assert run(model, 32).shape == (1, 256, 8, 8)
    assert model.conv1.out_channels == 32


@pytest.mark.parametrize('backbone', [ResNeXt_CIFAR, SEResNet_CIFAR])
def test_other_depths_are_refused(backbone):
    with pytest.raises(KeyError, match='depth 20'):
        backbone(depth=20)


def test_vgg8_has_one_convolution_a_stage():
    model = VGG8(norm_cfg=dict(type='BN'))
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    assert [m.out_channels for m in convolutions] == [64, 128, 256, 512, 512]
    with pytest.raises(TypeError, match='depth'):
        VGG8(depth=11)


def units(backbone):
    return [unit for stage in backbone.layers for unit in stage]


def test_a_shufflenets_stage_may_keep_the_resolution():
    model = ShuffleNetV1_CIFAR(
        groups=2,
        stage_channels=(64, 128, 256),
        strides=(1, 2, 1),
        out_indices=(0, 1, 2),
    )
    model.eval()
    with torch.no_grad():
        stages = model(torch.rand(1, 3, 16, 16))
        stem = model.conv1(x := torch.rand(2, 3, 16, 16))
        first = model.layers[0][0](stem)
    shapes = [tuple(stage.shape[1:]) for stage in stages]
    assert shapes == [(64, 16, 16), (128, 8, 8), (256, 8, 8)]
    # The first unit passes its input on, and concatenates what it computes.
    torch.testing.assert_close(first[:, :24], stem, rtol=0, atol=0)
    assert first.shape == (2, 64, *x.shape[2:])
    # The network of 50 layers: three in each unit, the stem and the classifier.
    assert 3 * len(units(model)) + 2 == 50


def test_a_shufflenet_as_it_was():
    plain = ShuffleNetV1_CIFAR()
    same = ShuffleNetV1_CIFAR(stage_channels=(240, 480, 960), strides=(2, 2, 2))
    same.load_state_dict(plain.state_dict(), strict=True)
    images = torch.rand(1, 3, 16, 16)
    plain.eval(), same.eval()
    with torch.no_grad():
        torch.testing.assert_close(same(images), plain(images), rtol=0, atol=0)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(strides=(1, 2)), r'three of 1 and 2, got \(1, 2\)'),
        (dict(strides=(1, 2, 4)), r'three of 1 and 2, got \(1, 2, 4\)'),
        (dict(stage_channels=(64, 128)), r'three numbers, got \(64, 128\)'),
        (dict(stage_channels=(64, 64, 128)), 'no stage of 64 channels follows 64'),
        (dict(stage_channels=(64, 128, 252)), 'no stage of 252.*divisible by 8'),
    ],
)
def test_stages_that_a_shufflenet_cannot_have(arguments, message):
    with pytest.raises(ValueError, match=message):
        ShuffleNetV1_CIFAR(groups=2, **arguments)


@pytest.mark.parametrize(('outputs', 'stride'), [(16, 1), (32, 1), (32, 2)])
def test_a_wide_resnets_block_normalises_before_it_convolves(outputs, stride):
    block = PreActBlock(16, outputs, stride, dict(type='BN')).double().train()
    x = torch.randn(3, 16, 6, 6, dtype=torch.float64)
    before = batch_norm(x, block.norm1).clamp(min=0)
    out = F.conv2d(before, block.conv1.weight, stride=stride, padding=1)
    out = batch_norm(out, block.norm2).clamp(min=0)
    out = F.conv2d(out, block.conv2.weight, padding=1)
    plain = outputs == 16
    same = x if plain else F.conv2d(before, block.shortcut.weight, stride=stride)
    torch.testing.assert_close(block(x), same + out)


def test_a_wide_resnet_ends_with_its_norm_layer():
    model = WideResNet_CIFAR(10, 2, out_indices=(1, 2)).double()
    model.train()
    images = torch.rand(4, 3, 16, 16, dtype=torch.float64)
    inner, last = model(images)
    torch.testing.assert_close(inner, model.layer2(model.layer1(model.conv1(images))))
    expected = batch_norm(model.layer3(inner), model.norm).clamp(min=0)
    torch.testing.assert_close(last, expected)


@pytest.mark.parametrize(('depth', 'nearest'), [(18, 16), (4, 10), (50, 52)])
def test_a_wide_resnet_must_have_three_equal_stages(depth, nearest):
    with pytest.raises(ValueError, match=f'got {depth}; the nearest is {nearest}'):
        WideResNet_CIFAR(depth)


def test_a_wide_resnet_has_three_stages():
    with pytest.raises(ValueError, match=r'0, 1 and 2, got \(3,\)'):
        WideResNet_CIFAR(16, out_indices=(3,))


@pytest.mark.parametrize('stages', range(-1, 4))
def test_frozen_stages_of_a_wide_resnet_stay_as_they_are(stages):
    model = WideResNet_CIFAR(10, frozen_stages=stages)
    model.train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    images = torch.rand(4, 3, 16, 16, requires_grad=True)
    model(images)[0].sum().backward()
    parts = ['conv1', 'layer1', 'layer2', 'layer3']
    frozen = {*parts[: stages + 1], *(['norm'] if stages == 3 else [])}
    if stages == 3:
        assert not any(p.requires_grad for p in model.parameters())
    for name, parameter in model.named_parameters():
        assert (parameter.grad is None) == (name.split('.')[0] in frozen), name
    for key, value in model.state_dict().items():
        if key.endswith('running_mean'):
            same = torch.equal(value, before[key])
            assert same == (key.split('.')[0] in frozen), key


@pytest.mark.parametrize('stages', [-2, 4])
def test_a_wide_resnet_cannot_freeze_other_stages(stages):
    with pytest.raises(ValueError, match=f'from -1 to 3, got {stages}'):
        WideResNet_CIFAR(10, frozen_stages=stages)
