# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import pytest
import torch
from torch import nn

from dynkd.models.streams.branches import find_stages, probe_stages, record_stages
from dynkd.registry import MODELS
from dynkd.utils import RandomState

from .conftest import BACKBONES


def expected_names(family):
    return [f'backbone.{name}' for name in BACKBONES[family][1]]


@pytest.mark.parametrize('family', BACKBONES)
def test_a_stage_ends_before_the_resolution_drops(body, family):
    model = body(family)
    names, channels = probe_stages(model, (3, 64, 64))
    assert names == expected_names(family)
    with record_stages(model, names) as maps, torch.no_grad():
        model.backbone(torch.rand(2, 3, 64, 64))
    assert [stage.size(1) for stage in maps] == channels
    sides = [stage.size(2) for stage in maps]
    assert all(stage.dim() == 4 and stage.size(0) == 2 for stage in maps)
    assert sides == sorted(set(sides), reverse=True)


@pytest.mark.parametrize('family', ['resnet', 'shufflenet_v2', 'swin', 'mobilenet_v2'])
def test_probing_changes_nothing(body, family):
    model = body(family)
    # Modes that no call of `train` would bring about.
    for index, module in enumerate(model.modules()):
        module.training = index % 3 == 0
    modes = [module.training for module in model.modules()]
    state = {key: value.clone() for key, value in model.state_dict().items()}
    random = RandomState.capture()
    probe_stages(model, (3, 64, 64))
    assert [module.training for module in model.modules()] == modes
    after = model.state_dict()
    assert all(torch.equal(after[key], value) for key, value in state.items())
    assert torch.equal(torch.get_rng_state(), random.torch)
    assert not any(module._forward_hooks for module in model.modules())
    assert all(p.grad is None and p.requires_grad for p in model.parameters())


def test_modes_are_restored_after_an_error(body):
    model = body('resnet')
    with pytest.raises(
        ValueError, match=r'does not run on.*\(5, 64, 64\).*input_shape'
    ):
        probe_stages(model, (5, 64, 64))
    assert all(module.training for module in model.modules())
    assert not any(module._forward_hooks for module in model.modules())


def test_tokens_become_the_map_that_the_backbone_itself_gives(body):
    model = body('swin')
    with record_stages(model, ['backbone.stages.3']) as maps:
        (own,) = model.backbone(torch.rand(2, 3, 64, 64))
    norm = model.backbone.norm3
    found = norm(maps[0].permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
    torch.testing.assert_close(found, own)


def vit(depth: int, **backbone) -> nn.Module:
    arch = dict(embed_dims=8, num_layers=depth, num_heads=2, feedforward_channels=8)
    own = dict(arch=arch, img_size=32, patch_size=8, **backbone)
    model = nn.Module()
    model.backbone = MODELS.build(dict(type='mmpretrain.VisionTransformer', **own))
    return model


@pytest.mark.parametrize(
    ('depth', 'ends'),
    [
        (2, [0, 1]),
        (4, [0, 1, 2, 3]),
        (6, [1, 2, 4, 5]),
        (12, [2, 5, 8, 11]),
    ],
)
def test_blocks_of_a_vision_transformer_are_four_stages(depth, ends):
    found = probe_stages(vit(depth), (3, 32, 32))
    names = [f'backbone.layers.{end}' for end in ends]
    assert found == (names, [8] * len(ends))


@pytest.mark.parametrize('extra', [0, 1])
def test_its_tokens_become_maps_of_the_grid_of_the_images(extra):
    kind = {} if extra else dict(with_cls_token=False, out_type='avg_featmap')
    model = vit(2, **kind)
    names = ['backbone.layers.0', 'backbone.layers.1']
    assert probe_stages(model, (3, 32, 32), names) == (names, [8, 8])
    tokens = []
    model.backbone.layers[1].register_forward_hook(lambda *args: tokens.append(args[2]))
    with record_stages(model, names) as maps:
        model.backbone(torch.rand(2, 3, 32, 48))
    assert [tuple(own.shape) for own in maps] == [(2, 8, 4, 6)] * 2
    rows = tokens[0][:, extra:].transpose(1, 2)
    assert torch.equal(maps[1].flatten(2), rows) and maps[1].requires_grad


def test_tokens_of_an_unknown_grid_are_no_map(monkeypatch):
    place = 'dynkd.models.streams.branches.stages.find_patch_embed'
    monkeypatch.setattr(place, lambda model: None)
    with pytest.raises(ValueError, match='VisionTransformer returns no feature maps'):
        probe_stages(vit(2), (3, 32, 32))
    with pytest.raises(ValueError, match=r'shape \(1, 17, 8\).*`backbone.patch_embed`'):
        probe_stages(vit(2), (3, 32, 32), ['backbone.layers.0', 'backbone.layers.1'])


def test_named_stages(body):
    model = body('resnet')
    names = ['backbone.layer1.0', 'backbone.layer3', 'backbone.layer4']
    assert probe_stages(model, (3, 64, 64), names) == (names, [4, 16, 32])


@pytest.mark.parametrize(
    ('names', 'message'),
    [
        (['backbone.layer3', 'backbone.layr4'], 'has no module.*backbone.layer4'),
        (['backbone.layer4', 'backbone.layer3'], 'run in the order backbone.layer3, '),
        (
            ['backbone.layer3', 'backbone'],
            '`backbone` returns a tuple, not a feature map',
        ),
        (['backbone.layer3', 'pool'], r'`pool` does not run, not a feature map'),
    ],
)
def test_named_stages_that_are_none(body, names, message):
    model = body('resnet')
    model.pool = nn.Identity()
    with pytest.raises(ValueError, match=message):
        probe_stages(model, (3, 64, 64), names)


def test_no_stages():
    model = nn.Module()
    with pytest.raises(ValueError, match='has no `backbone`'):
        find_stages(model)
    model.backbone = nn.Sequential(nn.Conv2d(3, 4, 3))
    with pytest.raises(ValueError, match=r'no stages found in Sequential.*stages=\['):
        probe_stages(model, (3, 8, 8))
    model.backbone = nn.Module()
    model.backbone.layers = nn.Sequential(nn.Flatten(), nn.Linear(192, 4))
    model.backbone.forward = model.backbone.layers.forward
    with pytest.raises(ValueError, match=r'returns no feature maps.*stages=\['):
        probe_stages(model, (3, 8, 8))


def test_poolings_alone_are_no_stage():
    layers = [nn.Conv2d(3, 4, 1), nn.MaxPool2d(2), nn.AvgPool2d(2), nn.Conv2d(4, 5, 1)]
    model = nn.Module()
    model.backbone = nn.Module()
    model.backbone.features = nn.Sequential(*layers, nn.ReLU(), nn.MaxPool2d(2))
    model.backbone.forward = model.backbone.features.forward
    names, channels = probe_stages(model, (3, 16, 16))
    assert names == ['backbone.features.0', 'backbone.features.4']
    assert channels == [4, 5]


def test_recording_follows_the_names_and_the_last_run(body):
    model = body('resnet')
    names = ['backbone.layer4', 'backbone.layer2']
    with record_stages(model, names) as maps:
        model.backbone(torch.rand(3, 3, 64, 64))
        model.backbone(torch.rand(2, 3, 32, 32))
    assert [tuple(stage.shape) for stage in maps] == [(2, 32, 1, 1), (2, 8, 4, 4)]
    assert maps[0].requires_grad
    with record_stages(model, []) as maps:
        model.backbone(torch.rand(2, 3, 32, 32))
    assert maps == []
    with pytest.raises(ValueError, match='has no module'):
        with record_stages(model, ['backbone.layer9']):
            pass
    assert not any(module._forward_hooks for module in model.modules())
