# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import pytest
import torch
import torch.nn as nn

from dynkd.utils import load_stream_checkpoint


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


def test_nothing_is_loaded_in_part(tmp_path):
    state = model().state_dict()
    state['extra'] = state.pop('0.bias')
    torch.save(state, tmp_path / 'a.pth')
    target = model()
    before = {key: value.clone() for key, value in target.state_dict().items()}
    with pytest.raises(RuntimeError, match=r'missing \(1\): 0.bias; unexpected \(1\)'):
        load_stream_checkpoint(target, str(tmp_path / 'a.pth'), 'teacher')
    assert all(torch.equal(v, before[k]) for k, v in target.state_dict().items())


def test_long_lists_are_cut(tmp_path):
    torch.save({f'x{i}': torch.zeros(1) for i in range(20)}, tmp_path / 'a.pth')
    with pytest.raises(RuntimeError) as info:
        load_stream_checkpoint(model(), str(tmp_path / 'a.pth'), 'teacher')
    assert 'unexpected (20): x0, x1, x2, x3, …' in str(info.value)
    assert 'x4' not in str(info.value)
