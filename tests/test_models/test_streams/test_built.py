# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Built modules are accepted where configs are."""

import re
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from torch import nn

from dynkd.models.algorithms import Distillation
from dynkd.models.streams import export_stream

PAGE = Path(__file__).resolve().parents[3] / 'docs' / 'python.md'


class Net(BaseModel):
    """Two layers and a cross-entropy."""

    def __init__(self, width: int = 6) -> None:
        super().__init__()
        self.body = nn.Linear(5, width)
        self.head = nn.Linear(width, 3)

    def init_weights(self) -> None:
        raise AssertionError('a built model keeps its weights')

    def forward(self, inputs, data_samples=None, mode='tensor'):
        logits = self.head(self.body(torch.stack(inputs)).relu())
        if mode == 'loss':
            labels = torch.stack(data_samples)
            return dict(loss=nn.functional.cross_entropy(logits, labels))
        return logits


class Gap(nn.Module):
    """A loss with a weight of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(3.0))

    def init_weights(self) -> None:
        raise AssertionError('a built loss keeps its weights')

    def forward(self, target, source):
        return self.scale * (target - source).abs().mean()


def batch() -> dict:
    return dict(
        inputs=list(torch.rand(4, 5)), data_samples=list(torch.tensor([0, 1, 2, 0]))
    )


def transfer(loss) -> dict:
    return dict(source='teacher.head', target='student.head', loss=loss)


@pytest.mark.parametrize('frozen', [True, False])
def test_built_models_keep_their_weights_and_learn(frozen):
    teacher, student = Net(), Net()
    before = [p.clone() for p in teacher.parameters()]
    model = Distillation(
        streams=dict(teacher=dict(model=teacher, frozen=frozen), student=student),
        transfers=dict(loss_gap=transfer(Gap())),
    )
    model.init_weights()
    assert all(torch.equal(a, b) for a, b in zip(before, teacher.parameters()))
    assert model.stream('student').model is student
    losses = model.train()(**batch(), mode='loss')
    assert ('teacher/loss' in losses) is not frozen
    model.parse_losses(losses)[0].backward()
    assert all(p.grad is not None for p in student.parameters())
    assert all((p.grad is None) is frozen for p in teacher.parameters())
    assert model.transfers['loss_gap'].loss.scale.grad is not None


def test_built_and_configured_streams_together(classifier, cls_batch, kld):
    from dynkd.registry import MODELS

    built = MODELS.build(classifier())
    model = Distillation(
        streams=dict(teacher=built, student=dict(model=classifier())),
        transfers=dict(loss_kld=kld('teacher', 'student')),
    )
    assert 'loss_kld' in model(**cls_batch(), mode='loss')


def test_branches_of_a_built_model_are_initialised(classifier):
    from dynkd.registry import MODELS

    built = MODELS.build(classifier())
    guided = dict(module=dict(type='GuidedModule', out_channels=8))
    model = Distillation(streams=dict(student=dict(model=built, branches=guided)))
    weight = model.stream('student').branches[0].fc.weight
    before = weight.clone()
    model.init_weights()
    assert not torch.equal(weight, before) and weight.std() < 0.02


@pytest.mark.parametrize(
    ('stream', 'error', 'message'),
    [
        (nn.Linear(5, 3), TypeError, 'Linear is not a model of MMEngine.*BaseModel'),
        (dict(model=Net(), config='x.py'), ValueError, '`config` or a built `model`'),
        (3, TypeError, 'stream `student` is a dict.*not 3'),
    ],
)
def test_what_is_not_a_stream(stream, error, message):
    with pytest.raises(error, match=message):
        Distillation(streams=dict(student=stream))


def test_what_is_not_a_transfer():
    with pytest.raises(TypeError, match='transfer `loss_gap` is a dict'):
        Distillation(
            streams=dict(teacher=Net(), student=Net()), transfers=dict(loss_gap=Gap())
        )


def test_export_of_a_built_model_writes_its_weights(tmp_path):
    model = Distillation(streams=dict(student=Net()))
    stream = model.stream('student')
    out = tmp_path / 'student.pth'
    found = export_stream(stream.cfg, stream.model.state_dict(), Config(), out)
    assert found is None and [p.name for p in tmp_path.iterdir()] == ['student.pth']
    Net().load_state_dict(torch.load(out, weights_only=True)['state_dict'])


def test_the_page_runs(tmp_path, monkeypatch):
    """A user's 25 lines of docs/python.md, on MMEngine's runner."""
    monkeypatch.chdir(tmp_path)
    code = re.search(r'<!-- runs -->\n```python\n(.*?)```', PAGE.read_text(), re.S)[1]
    names: dict = {}
    exec(code, names)
    assert isinstance(names['student'], names['Net'])
    assert list(tmp_path.glob('work_dirs/python/epoch_2.pth'))
