# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Published 3D ResNeXts become recognizers with the same outputs."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope

from loading import load_file

ROOT = Path(__file__).resolve().parents[2]


tool = load_file(ROOT / 'tools/model_converters/resnext3d.py')
published = load_file(ROOT / 'tests/test_models/test_backbones/published_resnext3d.py')
NARROW = dict(stem=8, cardinality=2)


def planes(*values: float) -> torch.Tensor:
    """A number for each channel of a clip."""
    return torch.tensor(values).view(-1, 1, 1, 1)


#: As the published code feeds its networks: `mean.py` of 3D-ResNets-PyTorch, and MARS.
NORMALIZED = {
    'activitynet': lambda clips: clips - planes(114.7748, 107.7354, 99.475),
    'kinetics': lambda clips: (
        (clips / 255 - planes(0.4345, 0.4051, 0.3775)) / planes(0.2768, 0.2713, 0.2737)
    ),
    None: lambda clips: clips - 127.5,
}


def recognizer(out: Path) -> torch.nn.Module:
    """The model that the written config names, with the weights loaded strictly."""
    cfg = Config.fromfile(out.with_suffix('.py'))
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        model = MODELS.build(cfg.model)
    checkpoint = torch.load(out, weights_only=True)
    model.load_state_dict(checkpoint['state_dict'], strict=True)
    return model.eval()


@pytest.mark.parametrize(
    ('depth', 'channels', 'shortcut', 'wrapped', 'narrow', 'normalization'),
    [
        (50, 3, 'B', True, dict(stem=16, cardinality=32), 'activitynet'),
        (101, 2, 'B', True, NARROW, None),
        (152, 3, 'A', False, NARROW, 'kinetics'),
        (50, 2, 'A', False, dict(stem=8, cardinality=4, kernel=3), None),
    ],
)
def test_outputs_are_the_same(
    depth, channels, shortcut, wrapped, narrow, normalization, tmp_path
):
    state = published.random_weights(
        depth, channels=channels, shortcut=shortcut, **narrow
    )
    saved = {f'module.{k}': v for k, v in state.items()} if wrapped else state
    saved = dict(epoch=3, arch='resnext', state_dict=saved) if wrapped else saved
    torch.save(saved, tmp_path / 'published.pth')
    out = tmp_path / 'new' / 'model.pth'
    options = [] if normalization is None else ['--normalization', normalization]
    assert tool.main([str(tmp_path / 'published.pth'), str(out), *options]) == 0
    model = recognizer(out)
    assert model.backbone.conv1.in_channels == channels
    clips = torch.randint(0, 256, (2, channels, 4, 20, 15)).float()
    with torch.no_grad():
        expected = published.scores(state, NORMALIZED[normalization](clips))
        # As a data loader gives them, one clip a video.
        batch = dict(inputs=list(clips.unsqueeze(1)), data_samples=[None, None])
        inputs = model.data_preprocessor(batch)['inputs']
        features, _ = model.extract_feat(inputs)
        found = model.cls_head(features)
    assert found.shape == (2, 5) and found.std() > 0.1
    torch.testing.assert_close(found, expected, rtol=2e-3, atol=2e-3)
    assert {path.name for path in out.parent.iterdir()} == {'model.pth', 'model.py'}


def test_the_published_size_is_read_off_the_weights():
    state = published.random_weights(101, classes=400, channels=2)
    cfg = tool.model_config(state)
    assert cfg['backbone'] == dict(
        type='dynkd.ResNeXt3D',
        depth=101,
        cardinality=32,
        in_channels=2,
        shortcut_type='B',
        base_channels=64,
        width_per_group=4,
        conv1_kernel=(7, 7, 7),
    )
    assert cfg['cls_head']['num_classes'] == 400
    assert cfg['cls_head']['in_channels'] == 2048


def test_a_checkpoint_that_does_not_count_batches(tmp_path):
    state = published.random_weights(50, **NARROW)
    old = {k: v for k, v in state.items() if not k.endswith('num_batches_tracked')}
    assert len(old) < len(state)
    torch.save(dict(state_dict=old), tmp_path / 'old.pth')
    tool.convert(tmp_path / 'old.pth', tmp_path / 'out.pth', 'kinetics')
    model = recognizer(tmp_path / 'out.pth')
    assert model.backbone.bn1.num_batches_tracked == 0
    assert torch.equal(model.cls_head.fc_cls.weight, state['fc.weight'])


def without(key: str):
    return lambda state: state.pop(key)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (without('fc.bias'), 'it has no `fc.bias`'),
        (
            without('layer4.0.conv3.weight'),
            'not a ResNeXt of 3D-ResNets-PyTorch',
        ),
        (without('layer3.2.bn1.weight'), 'missing, too many.*backbone.layer3.2.bn1'),
        (
            lambda state: state.update({'layer2.4.conv1.weight': torch.ones(1)}),
            'stages of 3, 5, 6, 3 blocks are no depth',
        ),
        (
            lambda state: state.update({'conv1.weight': torch.ones(8, 4, 7, 7, 7)}),
            'the input has 4 channels',
        ),
        (
            lambda state: state.update({'layer1.0.conv2.weight': torch.ones(4, 4)}),
            r'no 3x3x3 convolution, but of shape \(4, 4\)',
        ),
    ],
)
def test_what_cannot_be_converted(change, message, tmp_path, capsys):
    state = published.random_weights(50, **NARROW)
    change(state)
    torch.save(dict(state_dict=state), tmp_path / 'wrong.pth')
    out = tmp_path / 'out.pth'
    with pytest.raises(ValueError, match=message):
        tool.convert(tmp_path / 'wrong.pth', out, 'activitynet')
    arguments = [str(tmp_path / 'wrong.pth'), str(out)]
    assert tool.main([*arguments, '--normalization', 'activitynet']) == 1
    assert capsys.readouterr().err.startswith('resnext3d: ')
    assert not out.exists()


@pytest.mark.parametrize(
    ('channels', 'normalization', 'message'),
    [
        (
            3,
            None,
            'RGB is normalised in two ways.*--normalization activitynet for MARS',
        ),
        (2, 'kinetics', 'weights for optical flow.*leave --normalization out'),
    ],
)
def test_what_the_weights_do_not_tell_is_asked(
    channels, normalization, message, tmp_path
):
    state = published.random_weights(50, channels=channels, **NARROW)
    torch.save(dict(state_dict=state), tmp_path / 'published.pth')
    with pytest.raises(ValueError, match=message):
        tool.convert(tmp_path / 'published.pth', tmp_path / 'out.pth', normalization)


def test_a_file_that_is_not_there(tmp_path, capsys):
    assert tool.main([str(tmp_path / 'none.pth'), str(tmp_path / 'out.pth')]) == 1
    assert 'none.pth' in capsys.readouterr().err
