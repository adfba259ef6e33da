# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The hybrid network against a slow chain of its blocks."""

import copy
from itertools import product

import pytest
import torch
from torch import nn

from dynkd.models.methods.iakd import Pair, find_pairs, swapped_in

SHAPE = (3, 32, 32)


@pytest.fixture
def models(thin):
    """A student in training mode, its frozen teacher, and their pairs."""
    student, teacher = thin(14).train(), thin(20).requires_grad_(False)
    return student, teacher, find_pairs(student, teacher, 'block', SHAPE, SHAPE)


def norm(bn: nn.BatchNorm2d, x: torch.Tensor) -> torch.Tensor:
    """Batch normalisation by the batch's statistics, written out."""
    dims = (0, 2, 3)
    mean = x.mean(dims, keepdim=True)
    variance = ((x - mean) ** 2).mean(dims, keepdim=True)
    scale, shift = (v.view(1, -1, 1, 1) for v in (bn.weight, bn.bias))
    return (x - mean) / (variance + bn.eps).sqrt() * scale + shift


def conv(layer: nn.Conv2d, x: torch.Tensor) -> torch.Tensor:
    return torch.conv2d(x, layer.weight, None, layer.stride, layer.padding)


def block(module: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """A basic block, written out."""
    out = norm(module.norm1, conv(module.conv1, x)).clamp(min=0)
    out = norm(module.norm2, conv(module.conv2, out))
    if module.downsample is not None:
        x = norm(module.downsample[1], conv(module.downsample[0], x))
    return (out + x).clamp(min=0)


def hybrid(student, teacher, pairs, drawn, x) -> torch.Tensor:
    """Eqs. 2 to 4, block after block."""
    body = student.backbone
    taught = {pair.student[0]: pair.teacher for pair, d in zip(pairs, drawn) if d}
    x = norm(body.norm1, conv(body.conv1, x)).clamp(min=0)
    for stage, n in product((1, 2, 3), range(2)):
        name = f'backbone.layer{stage}.{n}'
        for own in taught.get(name, (name,)):
            side = teacher if name in taught else student
            x = block(side.get_submodule(own), x)
    return x


@pytest.mark.parametrize('drawn', list(product((False, True), repeat=3)))
def test_hybrid_network(models, images, drawn):
    student, teacher, pairs = models
    assert len(pairs) == 3
    student, teacher, images = student.double(), teacher.double(), images.double()
    chosen = [pair for pair, own in zip(pairs, drawn) if own]
    with swapped_in(student, teacher, chosen):
        (output,) = student.backbone(images)
    torch.testing.assert_close(output, hybrid(*models, drawn, images))
    output.pow(2).sum().backward()
    gradients = {
        n: p.grad.clone() for n, p in student.named_parameters() if p.grad is not None
    }
    student.zero_grad()
    hybrid(*models, drawn, images).pow(2).sum().backward()
    # What was swapped out has no gradient, and all else has the slow chain's.
    silent = tuple(f'{pair.student[0]}.' for pair in chosen)
    expected = {
        n for n, _ in student.named_parameters() if not n.startswith(silent or ' ')
    }
    assert set(gradients) == expected
    for name, parameter in student.named_parameters():
        if name in expected:
            torch.testing.assert_close(gradients[name], parameter.grad)
            assert gradients[name].abs().sum() > 0
    assert all(p.grad is None for p in teacher.parameters())


def buffers(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.named_buffers()}


def changed(model: nn.Module, before: dict) -> set[str]:
    return {n for n, v in model.named_buffers() if not torch.equal(v, before[n])}


def test_statistics_of_the_teacher_stay(models, images):
    student, teacher, pairs = models
    before, own = buffers(teacher), buffers(student)
    with swapped_in(student, teacher, pairs[:2]):
        student.backbone(images)
    assert not changed(teacher, before)
    silent = tuple(pair.student[0] for pair in pairs[:2])
    assert changed(student, own) == {n for n in own if not n.startswith(silent)}


def test_statistics_of_the_teacher_follow_if_asked(models, images):
    student, teacher, pairs = models
    before = buffers(teacher)
    with swapped_in(student, teacher, pairs[:2], track_teacher_stats=True):
        student.backbone(images)
    swapped = tuple(f'{name}.' for pair in pairs[:2] for name in pair.teacher)
    assert changed(teacher, before) == {n for n in before if n.startswith(swapped)}
    counts = [v.item() for n, v in teacher.named_buffers() if 'num_b' in n]
    assert sorted(set(counts)) == [0, 1]


def test_only_normalisations_leave_the_teacher_s_mode(models, images):
    student, teacher, pairs = models
    modes = []
    for name in pairs[0].teacher:
        teacher.get_submodule(name).register_forward_hook(
            lambda m, args, out: modes.append(
                {type(s).__name__: s.training for s in m.modules()}
            )
        )
    with swapped_in(student, teacher, pairs[:1]):
        student.backbone(images)
    assert len(modes) == len(pairs[0].teacher)
    for own in modes:
        assert [kind for kind, trains in own.items() if trains] == ['BatchNorm2d']
    assert not any(module.training for module in teacher.modules())


def test_nothing_is_left(models, images):
    student, teacher, pairs = models
    keys = {
        module: set(module.__dict__)
        for m in (student, teacher)
        for module in m.modules()
    }
    flags = [
        m.track_running_stats for m in teacher.modules() if hasattr(m, 'running_mean')
    ]
    with pytest.raises(RuntimeError, match='stop'):
        with swapped_in(student, teacher, pairs):
            student.backbone(images)
            raise RuntimeError('stop')
    with pytest.raises(AttributeError):
        with swapped_in(student, teacher, [*pairs, Pair(('backbone.nothing',), ())]):
            pass
    assert all(set(module.__dict__) == own for module, own in keys.items())
    assert not any(module.training for module in teacher.modules())
    assert flags == [
        m.track_running_stats for m in teacher.modules() if hasattr(m, 'running_mean')
    ]
    twin = copy.deepcopy(student).eval()
    torch.testing.assert_close(twin.backbone(images), student.eval().backbone(images))


def test_a_forward_of_the_module_s_own_comes_back(models, images):
    """Of tools that replace it too."""
    student, teacher, pairs = models
    module = student.get_submodule(pairs[0].student[0])
    own = module.forward
    module.forward = lambda x: own(x) * 0
    given = module.forward
    with swapped_in(student, teacher, pairs[:1]):
        assert module.forward is not given
        assert student.backbone(images)[0].abs().sum() > 0
    assert module.forward is given


def test_groups_and_hooks(thin, images):
    """The first module does what the teacher's do, the others hand it on; forward
    hooks see it, and of the student's blocks nothing runs."""
    student, teacher = thin(20).train(), thin(26)
    (pair, *_) = find_pairs(student, teacher, 'group', SHAPE, SHAPE)
    assert (len(pair.student), len(pair.teacher)) == (2, 3)
    seen, ran = [], []
    for name in pair.student:
        module = student.get_submodule(name)
        module.register_forward_hook(lambda m, args, out: seen.append((args[0], out)))
        module.conv1.register_forward_hook(lambda *args: ran.append(args))
    with swapped_in(student, teacher, [pair]):
        student.backbone(images)
    assert not ran and len(seen) == 2
    expected = seen[0][0]
    for name in pair.teacher:
        expected = block(teacher.get_submodule(name), expected)
    torch.testing.assert_close(seen[0][1], expected)
    assert seen[1][0] is seen[0][1] is seen[1][1]


def test_further_arguments_go_to_the_teacher():
    class Scaled(nn.Module):
        def forward(self, x, factor, *, shift):
            return x * factor + shift

    student, teacher = (nn.ModuleDict(dict(a=Scaled(), b=Scaled())) for _ in range(2))
    pair = Pair(('a', 'b'), ('a', 'b'))
    with swapped_in(student, teacher, [pair]):
        given = student['a'](torch.ones(1), 2, shift=1)
        assert given.item() == 7
        assert student['b'](given, 2, shift=1) is given
