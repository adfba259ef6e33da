# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""ResNeXt3D is the published network, and behaves as backbones of MMAction2 do."""

import copy
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from dynkd.models.backbones.resnext3d import ResNeXt3D
from dynkd.models.backbones.resnext3d_blocks import ZeroPadShortcut
from loading import load_file

ORACLE = Path(__file__).resolve().with_name('published_resnext3d.py')
published = load_file(ORACLE)

NARROW = dict(depth=18, cardinality=2, base_channels=4)


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(
    ('depth', 'shortcut', 'channels', 'narrow'),
    [
        (50, 'B', 3, dict()),
        (50, 'A', 2, dict(stem=16, cardinality=4)),
        (101, 'B', 2, dict(stem=8, cardinality=2)),
        (152, 'B', 3, dict(stem=8, cardinality=2, kernel=3)),
    ],
)
def test_stages_are_those_of_the_published_network(depth, shortcut, channels, narrow):
    state = published.random_weights(
        depth, channels=channels, shortcut=shortcut, **narrow
    )
    weights = {key: own for key, own in state.items() if not key.startswith('fc.')}
    model = ResNeXt3D(
        depth,
        cardinality=narrow.get('cardinality', 32),
        in_channels=channels,
        shortcut_type=shortcut,
        base_channels=narrow.get('stem', 64),
        conv1_kernel=(narrow.get('kernel', 7),) * 3,
        out_indices=(0, 1, 2, 3),
    )
    model.load_state_dict(weights, strict=True)
    clips = torch.randn(1, channels, 5, 17, 22, dtype=torch.float64)
    with torch.no_grad():
        found = model.eval().double()(clips)
        exact = {key: value.double() for key, value in state.items()}
        expected = published.stages(exact, clips)
    assert len(found) == 4
    for own, other in zip(found, expected):
        torch.testing.assert_close(own, other)
        assert own.std() > 0.01


def published_size(depth: int, channels: int, shortcut: str) -> int:
    """Parameters of the body, counted layer by layer from the published widths."""
    total, inputs = 343 * channels * 64 + 128, 64
    for planes, number in zip((128, 256, 512, 1024), published.NUMBERS[depth]):
        if shortcut == 'B':
            total += inputs * 2 * planes + 4 * planes
        for _ in range(number):
            total += inputs * planes + 2 * planes
            total += 27 * planes * (planes // 32) + 2 * planes
            total += planes * 2 * planes + 4 * planes
            inputs = 2 * planes
    return total


@pytest.mark.parametrize('depth', published.NUMBERS)
@pytest.mark.parametrize(('channels', 'shortcut'), [(3, 'B'), (2, 'B'), (3, 'A')])
def test_there_are_as_many_parameters(depth, channels, shortcut):
    with torch.device('meta'):
        model = ResNeXt3D(depth, in_channels=channels, shortcut_type=shortcut)
    assert parameters(model) == published_size(depth, channels, shortcut)


def test_the_network_of_mars_has_its_size():
    """ResNeXt-101 with 64 frames is said to have 47.6 million, with 51 classes."""
    with torch.device('meta'):
        model = ResNeXt3D()
    assert (parameters(model) + 2049 * 51) / 1e6 == pytest.approx(47.63, abs=0.01)


@pytest.mark.parametrize(('depth', 'numbers'), [(18, [2, 2, 2, 2]), (34, [3, 4, 6, 3])])
def test_basic_blocks_hold_all_paths_in_one(depth, numbers):
    model = ResNeXt3D(depth, cardinality=4, base_channels=8, width_per_group=6)
    assert [len(getattr(model, name)) for name in model.res_layers] == numbers
    for index, name in enumerate(model.res_layers):
        for block in getattr(model, name):
            assert block.conv1.out_channels == 4 * 6 * 2**index
            assert block.conv2.out_channels == 8 * 2**index
            assert block.conv1.groups == block.conv2.groups == 1
    assert model.layer1[0].downsample is None


def test_basic_blocks_add_convolutions_to_their_input():
    model = ResNeXt3D(**NARROW, out_indices=(0, 1)).eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm3d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.1)
    model.layer2 = nn.Sequential(model.layer2[0])
    with torch.no_grad():
        first, second = model(torch.randn(1, 3, 4, 16, 16))
        block = model.layer2[0]
        out = block.bn1(nn.functional.conv3d(first, block.conv1.weight, None, 2, 1))
        out = nn.functional.conv3d(out.relu(), block.conv2.weight, None, 1, 1)
        expected = block.bn2(out) + block.downsample[1](
            nn.functional.conv3d(first, block.downsample[0].weight, None, 2)
        )
    torch.testing.assert_close(second, expected.relu())


def test_shortcut_a_passes_values_and_gradients():
    clips = torch.randn(1, 2, 3, 4, 5, requires_grad=True)
    out = ZeroPadShortcut(3, 2)(clips)
    assert out.shape == (1, 3, 2, 2, 3)
    assert torch.equal(out[:, :2], clips[:, :, ::2, ::2, ::2])
    assert not out[:, 2].any()
    out.sum().backward()
    reached = torch.zeros(3, 4, 5)
    reached[::2, ::2, ::2] = 1
    assert torch.equal(clips.grad, reached.expand_as(clips))


def test_output_is_a_tensor_for_one_stage_and_a_tuple_for_more():
    clips = torch.rand(2, 2, 16, 48, 33)
    model = ResNeXt3D(**NARROW, in_channels=2).eval()
    several = ResNeXt3D(**NARROW, in_channels=2, out_indices=(1, 3)).eval()
    several.load_state_dict(model.state_dict())
    with torch.no_grad():
        last, both = model(clips), several(clips)
    assert last.shape == (2, 32, 1, 2, 2)
    assert isinstance(both, tuple) and both[0].shape == (2, 8, 4, 6, 5)
    assert torch.equal(both[1], last)


def test_weights_begin_as_published():
    model = ResNeXt3D(50, cardinality=8, base_channels=16)
    model.init_weights()
    for module in model.modules():
        if isinstance(module, nn.Conv3d):
            fan_out = module.weight[0, 0].numel() * module.out_channels
            expected = (2 / fan_out) ** 0.5
            assert module.weight.std().item() == pytest.approx(expected, rel=0.15)
        elif isinstance(module, nn.BatchNorm3d):
            assert (module.weight == 1).all() and not module.bias.any()


def test_activations_that_are_computed_again_give_the_same_gradients():
    model = ResNeXt3D(**NARROW).train()
    again = ResNeXt3D(**NARROW, with_cp=True).train()
    again.load_state_dict(model.state_dict())
    clips = torch.randn(2, 3, 4, 16, 16)
    kept = {}
    for name, own in (('plain', model), ('again', again)):
        held = 0

        def pack(tensor):
            nonlocal held
            held += tensor.numel()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            out = own(clips)
        kept[name] = held
        out.square().sum().backward()
    assert kept['again'] < kept['plain'] / 2
    for own, other in zip(model.parameters(), again.parameters()):
        assert own.grad.any()
        torch.testing.assert_close(own.grad, other.grad)


@pytest.mark.parametrize('stages', [-1, 0, 2, 4])
def test_frozen_stages_are_not_trained(stages):
    model = ResNeXt3D(**NARROW, frozen_stages=stages).train()
    model.eval()
    model.train()
    frozen = [] if stages < 0 else ['conv1.', 'bn1.']
    frozen += [f'layer{index}.' for index in range(1, stages + 1)]
    before = copy.deepcopy(model.state_dict())
    model(torch.randn(2, 3, 4, 16, 16))
    for key, parameter in model.named_parameters():
        assert parameter.requires_grad is not key.startswith(tuple(frozen))
    for key, value in model.state_dict().items():
        if key.endswith('running_mean'):
            still = torch.equal(value, before[key])
            assert still is key.startswith(tuple(frozen)), key


def test_norm_layers_can_keep_their_statistics():
    model = ResNeXt3D(**NARROW, norm_eval=True).train()
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm3d)]
    assert norms and not any(norm.training for norm in norms)
    assert all(norm.weight.requires_grad for norm in norms)


def test_the_kind_of_norm_layers_can_be_chosen():
    model = ResNeXt3D(**NARROW, norm_cfg=dict(type='GN', num_groups=2))
    kinds = {type(m) for m in model.modules() if 'Norm' in type(m).__name__}
    assert kinds == {nn.GroupNorm}


@pytest.mark.parametrize(
    ('wrong', 'message'),
    [
        (dict(depth=26), 'one of 18, 34, 50, 101, 152, got 26'),
        (dict(shortcut_type='C'), "'A' or 'B', got 'C'"),
        (dict(conv1_kernel=(3, 4, 7)), 'three odd sizes'),
        (dict(conv1_kernel=(7, 7)), 'three odd sizes'),
        (dict(out_indices=(4,)), r'of 0, 1, 2 and 3, got \(4,\)'),
        (dict(out_indices=()), r'of 0, 1, 2 and 3, got \(\)'),
        (dict(frozen_stages=5), 'from -1 to 4, got 5'),
    ],
)
def test_arguments_that_describe_no_network(wrong, message):
    with pytest.raises(ValueError, match=f'ResNeXt3D: .*{message}'):
        ResNeXt3D(**{**NARROW, **wrong})


def test_neither_mmpretrain_nor_mmaction_is_needed():
    """What finds a library that is not installed, finds None."""
    script = (
        'import sys\n'
        'for name in ("mmpretrain", "mmaction", "mmdet"): sys.modules[name] = None\n'
        'import dynkd\n'
        'from dynkd.registry import MODELS\n'
        'print(MODELS.get("ResNeXt3D").__name__, MODELS.get("VGG8"))\n'
    )
    done = subprocess.run(
        [sys.executable, '-c', script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ['ResNeXt3D', 'None']


def test_a_recognizer_of_mmaction2_trains_with_it():
    from mmaction.structures import ActionDataSample
    from mmengine.registry import MODELS, DefaultScope

    cfg = dict(
        type='Recognizer3D',
        backbone=dict(type='dynkd.ResNeXt3D', in_channels=2, **NARROW),
        cls_head=dict(type='I3DHead', num_classes=3, in_channels=32, dropout_ratio=0.0),
    )
    with DefaultScope.overwrite_default_scope('mmaction'):
        model = MODELS.build(cfg)
    model.init_weights()
    clips = torch.randn(3, 1, 2, 4, 16, 16)
    samples = [ActionDataSample().set_gt_label(label) for label in range(3)]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = []
    for _ in range(6):
        loss = model.train()(clips, samples, mode='loss')['loss_cls']
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2
