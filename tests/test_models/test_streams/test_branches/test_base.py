# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import copy
import math

import pytest
import torch
from mmengine.registry import DefaultScope
from mmengine.structures import BaseDataElement
from torch import nn

from dynkd.models.methods.dtskd import MixedFusionModule
from dynkd.models.methods.ekd import GuidedModule
from dynkd.models.streams.branches import (
    Branch,
    StageBranches,
    probe_stages,
    record_stages,
)

GUIDED = dict(type='GuidedModule', out_channels=8)
MIXED = dict(type='MixedFusionModule')


class Diary(Branch):
    """A branch that writes down what it is given and passes on one channel more."""

    def __init__(self, in_channels, deeper_channels, num_classes, diary=None):
        super().__init__(deeper_channels + 1)
        self.in_channels = in_channels
        self.deeper_channels = deeper_channels
        self.diary = diary
        self.features = nn.Flatten()
        self.fc = nn.Linear(deeper_channels + 1, num_classes)

    def forward(self, stage, deeper):
        self.diary.append((tuple(stage.shape), deeper))
        passed = torch.cat([deeper, deeper[:, :1] + 1], 1)
        return passed, self.fc(self.features(passed))


def maps(channels, batch=2, side=8):
    sides = [max(side // 2**i, 1) for i in range(len(channels))]
    return [torch.rand(batch, c, s, s) for c, s in zip(channels, sides)]


@pytest.mark.parametrize('family', ['resnet', 'shufflenet_v2', 'mobilenet_v2', 'swin'])
@pytest.mark.parametrize('module', [GUIDED, MIXED], ids=['guided', 'mixed'])
def test_on_a_backbone(body, family, module):
    model = body(family)
    names, channels = probe_stages(model, (3, 64, 64))
    model.branches = StageBranches(module, channels, num_classes=5)
    assert len(model.branches) == len(names) - 1
    with record_stages(model, names) as stages:
        model.backbone(torch.rand(2, 3, 64, 64))
    logits = model.branches(stages)
    assert [tuple(own.shape) for own in logits] == [(2, 5)] * (len(names) - 1)
    # What transfers tap.
    vectors = []
    model.get_submodule('branches.0.features').register_forward_hook(
        lambda *args: vectors.append(args[-1])
    )
    tapped = []
    model.get_submodule('branches.0.fc').register_forward_hook(
        lambda *args: tapped.append(args[-1])
    )
    again = model.branches(stages)
    assert tapped[0] is again[0]
    assert vectors[0].shape == (2, 8 if module is GUIDED else channels[-1])
    # The shallowest stage learns from the shallowest branch.
    sum(own.sum() for own in again).backward()
    assert all(p.grad is not None for p in model.branches.parameters())
    first = model.get_submodule(names[0])
    assert any(p.grad is not None and p.grad.any() for p in first.parameters())


def test_from_deep_to_shallow():
    diary = []
    branches = StageBranches(dict(type=Diary), [2, 3, 4, 5], num_classes=6)
    for branch in branches:
        branch.diary = diary
    stages = maps([2, 3, 4, 5])
    logits = branches(stages)
    assert [b.in_channels for b in branches] == [2, 3, 4]
    assert [b.deeper_channels for b in branches] == [7, 6, 5]
    assert [shape for shape, _ in diary] == [tuple(s.shape) for s in stages[2::-1]]
    # The last stage's map is pooled for the deepest; each gets what it passed on.
    pooled = stages[3].mean((2, 3), keepdim=True)
    torch.testing.assert_close(diary[0][1], pooled)
    torch.testing.assert_close(diary[1][1], torch.cat([pooled, pooled[:, :1] + 1], 1))
    assert diary[2][1].shape == (2, 7, 1, 1)
    # Logits come from shallow to deep.
    assert [branch.fc.in_features for branch in branches] == [8, 7, 6]
    passed = torch.cat([pooled, pooled[:, :1] + 1], 1).flatten(1)
    torch.testing.assert_close(logits[2], branches[2].fc(passed))


def test_fewer_branches_stand_on_the_deepest_stages():
    branches = StageBranches(dict(type=Diary), [2, 3, 4, 5], num_classes=6, num=2)
    assert [b.in_channels for b in branches] == [3, 4]
    diary = []
    for branch in branches:
        branch.diary = diary
    assert len(branches(maps([2, 3, 4, 5]))) == 2
    assert [shape[1] for shape, _ in diary] == [4, 3]


def cross_entropy(logits, rows):
    """Eq. 9 of EKD for one classifier: the mean of -sum y log softmax."""
    total = 0.0
    for own, label in zip(logits.tolist(), rows):
        norm = sum(math.exp(x) for x in own)
        for x, y in zip(own, label):
            total -= y * math.log(math.exp(x) / norm) / len(rows)
    return total


@pytest.mark.parametrize('soft', [False, True], ids=['gt_label', 'gt_score'])
def test_equation_9(soft):
    branches = StageBranches(GUIDED, [2, 3, 4], num_classes=3, loss_weight=0.5)
    logits = [torch.randn(2, 3, dtype=torch.float64) for _ in range(2)]
    if soft:
        rows = [[0.25, 0.75, 0.0], [0.0, 0.5, 0.5]]
        samples = [BaseDataElement(gt_score=torch.tensor(row)) for row in rows]
    else:
        rows = [[0, 0, 1], [1, 0, 0]]
        samples = [BaseDataElement(gt_label=torch.tensor([i])) for i in (2, 0)]
    losses = branches.loss(logits, samples)
    assert list(losses) == ['branches.0.loss', 'branches.1.loss']
    for own, loss in zip(logits, losses.values()):
        assert loss.item() == pytest.approx(0.5 * cross_entropy(own, rows))


def test_a_loss_weight_of_0_computes_no_loss():
    branches = StageBranches(GUIDED, [2, 3, 4], num_classes=3, loss_weight=0)
    assert branches.loss([torch.zeros(2, 3)] * 2, None) == {}


def test_a_label_that_is_no_class():
    branches = StageBranches(GUIDED, [2, 4], num_classes=3)
    sample = BaseDataElement(gt_label=torch.tensor([3]))
    with pytest.raises(ValueError, match='label .3., but there are 3 classes'):
        branches.loss([torch.zeros(1, 3)], [sample])
    with pytest.raises(ValueError, match='neither `gt_label` nor `gt_score`'):
        branches.loss([torch.zeros(1, 3)], [BaseDataElement()])


def test_more_branches_than_stages():
    with pytest.raises(
        ValueError, match=r'4 branches on 4 stage\(s\).*between 1 and 3'
    ):
        StageBranches(GUIDED, [2, 3, 4, 5], num_classes=3, num=4)
    with pytest.raises(ValueError, match=r'3 stage\(s\) \(a, b, c\)'):
        StageBranches(GUIDED, [2, 3, 4], 3, num=3, stages=['a', 'b', 'c'])
    with pytest.raises(ValueError, match='0 branches on 3 stage'):
        StageBranches(GUIDED, [2, 3, 4], num_classes=3, num=0)
    with pytest.raises(ValueError, match='at least two stages, and there are 1 stage'):
        StageBranches(GUIDED, [2], num_classes=3)


def test_errors():
    with pytest.raises(ValueError, match='`num_classes` must be at least 1, got 0'):
        StageBranches(GUIDED, [2, 3], num_classes=0)
    with pytest.raises(ValueError, match='`loss_weight` must not be negative, got -1'):
        StageBranches(GUIDED, [2, 3], num_classes=3, loss_weight=-1)
    branches = StageBranches(GUIDED, [2, 3, 4], num_classes=3)
    with pytest.raises(ValueError, match='for 3 stages, but the model ran 2'):
        branches(maps([2, 3]))


def test_built_in_any_scope_and_copied():
    DefaultScope.get_instance('run', scope_name='mmpretrain')
    guided = StageBranches(GUIDED, [2, 3, 4], num_classes=3)
    assert all(type(branch) is GuidedModule for branch in guided)
    mixed = StageBranches(MIXED, [2, 3, 4], num_classes=3)
    assert all(type(branch) is MixedFusionModule for branch in mixed)
    twin = copy.deepcopy(mixed).eval()
    stages = maps([2, 3, 4])
    for own, other in zip(mixed.eval()(stages), twin(stages)):
        assert torch.equal(own, other)
    assert 'branches.0.fc.weight' in nn.ModuleDict({'branches': mixed}).state_dict()


@pytest.mark.parametrize('module', [GUIDED, MIXED], ids=['guided', 'mixed'])
def test_initialisation(module):
    branches = StageBranches(module, [2, 300], num_classes=200)
    branches.init_weights()
    assert branches[0].fc.weight.std().item() == pytest.approx(0.01, rel=0.2)
    assert not branches[0].fc.bias.any()
    constant = dict(type='Constant', layer=['Conv2d', 'Linear'], val=0.25)
    branches = StageBranches(dict(module, init_cfg=constant), [2, 3], num_classes=2)
    branches.init_weights()
    for layer in branches.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            assert (layer.weight == 0.25).all()
