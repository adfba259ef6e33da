# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import pytest
import torch
import torch.nn as nn

from dynkd.models.streams import load_stream_checkpoint
from dynkd.registry import MODELS


def model() -> nn.Module:
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))


@pytest.mark.parametrize('nested', [True, False])
@pytest.mark.parametrize('prefix', ['', 'module.'])
def test_forms_of_checkpoints(tmp_path, nested, prefix):
    source, target, path = model(), model(), tmp_path / 'a.pth'
    state = {prefix + key: value for key, value in source.state_dict().items()}
    torch.save(dict(state_dict=state, meta={}) if nested else state, path)
    load_stream_checkpoint(target, str(path), 'teacher')
    for key, value in source.state_dict().items():
        assert torch.equal(target.state_dict()[key], value)


def test_checkpoint_without_counters(tmp_path):
    """Older torch did not count the batches of batch normalisation."""
    state = model().state_dict()
    del state['1.num_batches_tracked']
    torch.save(state, tmp_path / 'a.pth')
    load_stream_checkpoint(model(), str(tmp_path / 'a.pth'), 'teacher')


def test_all_that_does_not_fit_is_named(tmp_path):
    state = model().state_dict()
    state['extra'] = state.pop('0.bias')
    state['1.weight'], state['1.bias'] = torch.zeros(4), torch.zeros(2, 3)
    torch.save(state, tmp_path / 'a.pth')
    with pytest.raises(RuntimeError) as info:
        load_stream_checkpoint(model(), str(tmp_path / 'a.pth'), 'teacher')
    assert (
        'does not fit Sequential. Keys missing (1): 0.bias; unexpected (1): extra; '
        'of another shape (2): 1.weight (4,) for (3,), 1.bias (2, 3) for (3,). To start'
    ) in str(info.value)


def test_a_migration_that_fails_is_named_with_its_stream(tmp_path):
    class Migrating(nn.Linear):
        def _load_from_state_dict(self, state_dict, prefix, *args):
            state_dict[prefix + 'weight'].view(7)

    torch.save(nn.Linear(2, 3).state_dict(), tmp_path / 'a.pth')
    with pytest.raises(
        RuntimeError, match=r"stream `teacher`: .* refused \(1\): .*'\[7"
    ):
        load_stream_checkpoint(Migrating(2, 3), str(tmp_path / 'a.pth'), 'teacher')


def test_branches_that_may_be_missing_are_no_hint(tmp_path):
    torch.save({'extra': torch.zeros(1)}, tmp_path / 'a.pth')
    target = nn.ModuleDict(dict(branches=model()))
    for whole, hint in ((False, 'To start from a part'), (True, 'its branches teach')):
        with pytest.raises(RuntimeError, match=hint):
            load_stream_checkpoint(target, str(tmp_path / 'a.pth'), 'teacher', whole)


def test_long_lists_are_cut(tmp_path):
    torch.save({f'x{i}': torch.zeros(1) for i in range(20)}, tmp_path / 'a.pth')
    with pytest.raises(RuntimeError) as info:
        load_stream_checkpoint(model(), str(tmp_path / 'a.pth'), 'teacher')
    assert 'unexpected (20): x0, x1, x2, x3, …' in str(info.value)
    assert 'x4' not in str(info.value)


# ------------------------------------------- what the plain library migrates itself


@pytest.mark.parametrize('prefix', ['', 'module.'])
def test_versions_of_modules_are_known(tmp_path, prefix):
    seen = []

    class Versioned(nn.Linear):
        _version = 3

        def _load_from_state_dict(self, state_dict, prefix, metadata, *args):
            seen.append(metadata.get('version'))
            super()._load_from_state_dict(state_dict, prefix, metadata, *args)

    source = nn.Sequential(Versioned(2, 3))
    torch.save(source.state_dict(prefix=prefix), tmp_path / 'a.pth')
    load_stream_checkpoint(source, str(tmp_path / 'a.pth'), 'teacher')
    assert seen == [3]


def test_names_of_an_older_swin_transformer(tmp_path):
    backbone = dict(
        type='SwinTransformer',
        arch=dict(embed_dims=8, depths=[2, 2, 2, 2], num_heads=[1] * 4),
    )
    source, target = (MODELS.build(dict(backbone, _scope_='mmpretrain')) for _ in 'ab')
    nn.init.normal_(source.norm3.weight)
    state = {
        key.replace('norm3.', 'norm.') if key.startswith('norm3.') else key: value
        for key, value in source.state_dict().items()
    }
    state['stages.0.blocks.1.attn.attn_mask'] = torch.zeros(1, 49, 49)
    torch.save(state, tmp_path / 'a.pth')
    load_stream_checkpoint(target, str(tmp_path / 'a.pth'), 'teacher')
    assert torch.equal(target.norm3.weight, source.norm3.weight)


def test_position_embeddings_of_another_resolution(tmp_path):
    def build(img_size):
        arch = dict(embed_dims=8, num_layers=1, num_heads=1, feedforward_channels=8)
        cfg = dict(type='VisionTransformer', arch=arch, img_size=img_size)
        return MODELS.build(dict(cfg, _scope_='mmpretrain'))

    source, target = build(32), build(64)
    nn.init.constant_(source.pos_embed, 0.25)
    torch.save(source.state_dict(), tmp_path / 'a.pth')
    load_stream_checkpoint(target, str(tmp_path / 'a.pth'), 'teacher')
    assert target.pos_embed.shape == (1, 17, 8)
    assert torch.allclose(target.pos_embed, torch.tensor(0.25))


def test_names_of_an_older_fcos(tmp_path, fcos):
    source, target = (MODELS.build(dict(fcos(), _scope_='mmdet')) for _ in 'ab')
    state = {
        key.replace('conv_cls', 'fcos_cls').replace('conv_reg', 'fcos_reg'): value
        for key, value in source.state_dict().items()
    }
    assert 'bbox_head.fcos_cls.weight' in state
    torch.save(state, tmp_path / 'a.pth')
    load_stream_checkpoint(target, str(tmp_path / 'a.pth'), 'teacher')
    assert torch.equal(
        target.bbox_head.conv_cls.weight, source.bbox_head.conv_cls.weight
    )


class Plain(nn.Module):
    """A model with a data preprocessor, as those of OpenMMLab."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(2, 3)
        self.data_preprocessor = nn.Module()
        mean = torch.tensor([1.0, 2.0]).view(2, 1, 1)
        self.data_preprocessor.register_buffer('mean', mean, persistent=False)


@pytest.mark.parametrize('mean', [[1.0, 2.0], [3.0, 2.0]])
def test_what_holds_no_weights_is_left_out(tmp_path, monkeypatch, mean):
    """Files of 2022 hold means, and files of MMDetection 2 averages of weights."""
    said = []
    monkeypatch.setattr(
        'dynkd.models.streams.checkpoint.print_log', lambda text, **_: said.append(text)
    )
    source, target = Plain(), Plain()
    state = dict(source.state_dict(), ema_fc_weight=torch.zeros(3, 2))
    state['data_preprocessor.mean'] = torch.tensor(mean).view(2, 1, 1)
    torch.save(state, tmp_path / 'a.pth')
    load_stream_checkpoint(target, str(tmp_path / 'a.pth'), 'teacher')
    assert torch.equal(target.fc.weight, source.fc.weight)
    assert target.data_preprocessor.mean.flatten().tolist() == [1.0, 2.0]
    told = [
        text for text in said if '[3.0, 2.0], but its config has [1.0, 2.0]' in text
    ]
    assert len(told) == (mean != [1.0, 2.0])


def test_the_hint_says_what_to_do_with_the_keys_of_another_model(tmp_path):
    state = {f'architecture.{key}': v for key, v in Plain().state_dict().items()}
    torch.save(state, tmp_path / 'a.pth')
    with pytest.raises(RuntimeError, match='begin with the name of a model around'):
        load_stream_checkpoint(Plain(), str(tmp_path / 'a.pth'), 'teacher')
