# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import pytest
import torch
import torch.nn.functional as F

from dynkd.models.transfers.connectors import ResolutionAligner
from dynkd.registry import MODELS


@pytest.mark.parametrize('mode', ['bilinear', 'nearest', 'area'])
@pytest.mark.parametrize('size', [(2, 3), (8, 8), (4, 4)])
def test_the_target_gets_the_resolution_of_the_source(mode, size):
    target = torch.rand(2, 3, 4, 4, requires_grad=True)
    source = torch.rand(2, 5, *size)
    aligner = MODELS.build(dict(type='ResolutionAligner', mode=mode))
    found = aligner(target, source)
    assert found.shape == (2, 3, *size)
    if size == (4, 4):
        assert found is target
    more = dict(antialias=True, align_corners=False) if mode == 'bilinear' else {}
    expected = F.interpolate(target, size, mode=mode, **more)
    torch.testing.assert_close(found, expected)
    found.sum().backward()
    assert target.grad.abs().sum() > 0


def test_a_constant_map_stays_constant():
    for mode in ('bilinear', 'nearest', 'area'):
        found = ResolutionAligner(mode)(torch.ones(1, 2, 7, 5), torch.ones(1, 2, 3, 9))
        torch.testing.assert_close(found, torch.ones(1, 2, 3, 9))


def test_levels_are_aligned_one_by_one():
    levels = [torch.rand(1, 2, size, size) for size in (4, 2)]
    others = [torch.rand(1, 2, size, size) for size in (6, 3)]
    found = ResolutionAligner()(levels, others)
    assert [level.shape[2:] for level in found] == [(6, 6), (3, 3)]
    with pytest.raises(ValueError, match=r'2 level\(s\) and the source 1'):
        ResolutionAligner()(levels, others[:1])


def test_what_is_no_map_is_refused():
    with pytest.raises(ValueError, match=r'maps .* got shape \(2, 4\)'):
        ResolutionAligner()(torch.rand(2, 4), torch.rand(2, 4, 1, 1))
    with pytest.raises(ValueError, match="got 'cubic'"):
        ResolutionAligner('cubic')


def test_stages_of_other_strides(build, classifier, cls_batch):
    place = 'backbone[1]'
    teacher = classifier()
    teacher['backbone']['strides'] = (1, 2, 2, 1)
    model = build(
        teacher=dict(model=teacher, frozen=True),
        student=dict(model=classifier()),
        transfers=dict(
            loss_x=dict(
                source=f'teacher.{place}',
                target=f'student.{place}',
                connector=dict(type='ResolutionAligner'),
                loss=dict(type='FeatureLoss'),
            )
        ),
    )
    assert model(**cls_batch(), mode='loss')['loss_x'].requires_grad


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_half_precision(dtype):
    target, source = torch.randn(1, 2, 8, 8), torch.randn(1, 2, 4, 4)
    aligner = ResolutionAligner()
    found = aligner(target.to(dtype), source)
    assert found.dtype == dtype
    torch.testing.assert_close(
        found.float(), aligner(target, source), atol=0.02, rtol=0.02
    )
