# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Names of streams, numbers of their models, and layers that see one value."""

import pytest
import torch
from torch import nn

from dynkd.models.streams import Stream, StreamConfig, single_value_norm
from dynkd.models.streams.names import check_name
from dynkd.models.streams.numbers import check_numbers


class Loss(nn.Module):
    def __init__(self, loss_weight) -> None:
        super().__init__()
        self.loss_weight = loss_weight


class Preprocessor(nn.Module):
    def __init__(self, **values) -> None:
        super().__init__()
        for name, value in values.items():
            self.register_buffer(name, torch.tensor(value))


@pytest.mark.parametrize('name', ['student', 'schüler', '教师', '_x'])
def test_names(name):
    check_name(name)


@pytest.mark.parametrize('name', ['a b', '1st', '', 'class', 'items', 'self', 'type'])
def test_names_that_mean_something_else(name):
    with pytest.raises(ValueError, match='name.* stream|stream cannot be named'):
        check_name(name)


@pytest.mark.parametrize('weight', [-1, float('nan'), float('inf')])
def test_weights_of_losses(weight):
    model = nn.ModuleDict(dict(head=nn.ModuleDict(dict(cls=Loss(1.0)))))
    check_numbers(model, 'student')
    model['head']['box'] = Loss(weight)
    with pytest.raises(
        ValueError, match='`streams.student.model.head.box.loss_weight`'
    ):
        check_numbers(model, 'student')


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        (
            dict(mean=[float('nan')]),
            r'`streams.x.model.data_preprocessor.mean` must',
        ),
        (dict(mean=[0.0], std=[1.0, 0.0]), r'std` must be positive, got \[1.0, 0.0\]'),
        (dict(mean=[0.0], std=[float('inf')]), 'std` must be finite'),
    ],
)
def test_what_inputs_are_normalised_by(values, message):
    model = nn.Module()
    model.data_preprocessor = Preprocessor(mean=[0.0], std=[1.0])
    check_numbers(model, 'x')
    model.data_preprocessor = Preprocessor(**values)
    with pytest.raises(ValueError, match=message):
        check_numbers(model, 'x')


def test_single_values(classifier):
    cfg = StreamConfig.from_cfg(
        'student', dict(model=classifier(), input_shape=(3, 32, 32))
    )
    stream = Stream(cfg, cfg.build().train())
    before = {key: value.clone() for key, value in stream.model.state_dict().items()}
    assert single_value_norm(stream) == 'backbone.layer4.0.bn1'
    after = stream.model.state_dict()
    assert all(torch.equal(value, after[key]) for key, value in before.items())
    assert stream.model.backbone.bn1.training
    assert not any(m._forward_pre_hooks for m in stream.model.modules())
    stream.cfg.input_shape = (3, 64, 64)
    assert single_value_norm(stream) is None
    stream.cfg.input_shape = (1, 64, 64)  # does not run at all
    assert single_value_norm(stream) is None
