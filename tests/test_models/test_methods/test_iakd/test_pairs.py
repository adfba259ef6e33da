# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Which blocks are paired, for the families of backbones that have blocks."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from dynkd.models.methods.iakd import (
    Pair,
    Unit,
    check_pairs,
    find_pairs,
    find_units,
    pairs,
    read_pairs,
)
from dynkd.models.taps import probe

SMALL, IMAGE = (3, 32, 32), (3, 64, 64)
BN = dict(type='BN')


def found(student, teacher, shape=SMALL, level='block') -> list[tuple[list, list]]:
    """The pairs, without the word `backbone`; they pass the checks."""
    pairs = find_pairs(student, teacher, level, shape, shape)
    check_pairs(pairs, student, teacher, shape)
    return [
        tuple([name.removeprefix('backbone.') for name in side] for side in sides)
        for sides in ((pair.student, pair.teacher) for pair in pairs)
    ]


@pytest.mark.parametrize(('depth', 'each'), [(44, 2), (80, 4)])
def test_the_papers_nine_pairs(thin, depth, each):
    """Section 4.4: nine blocks of ResNet-26 are not shared; each block of a ResNet-44
    or -80 that is not shared is taken, in order."""
    expected = [
        (
            [f'layer{stage}.{n}'],
            [f'layer{stage}.{each * (n - 1) + 1 + k}' for k in range(each)],
        )
        for stage in (1, 2, 3)
        for n in (1, 2, 3)
    ]
    assert found(thin(26), thin(depth)) == expected


def test_groups(thin):
    """Section 4.2.2: one group of the student with one of the teacher."""
    assert found(thin(26), thin(44), level='group') == [
        (
            [f'layer{stage}.{n}' for n in range(1, 4)],
            [f'layer{stage}.{n}' for n in range(1, 7)],
        )
        for stage in (1, 2, 3)
    ]


def test_surplus_goes_to_the_first(body):
    pair = body('ResNet_CIFAR', depth=18), body('ResNet_CIFAR', depth=34)
    counts = [len(teacher) for _, teacher in found(*pair)]
    assert counts == [2, 3, 5, 2]
    uneven = (
        body('dynkd.ResNet6nPlus2', depth=20),
        body('dynkd.ResNet6nPlus2', depth=38),
    )
    assert [len(teacher) for _, teacher in found(*uneven)] == [3, 2] * 3


def test_vgg(body):
    """A pooling goes with the convolution behind it."""
    pair = (body('VGG', depth=d, norm_cfg=BN) for d in (11, 19))
    assert found(*pair) == [
        # No inner block in the student: whole stages.
        (['features.1', 'features.2'], [f'features.{n}' for n in (2, 3, 4)]),
        (['features.5'], [f'features.{n}' for n in (7, 8, 9)]),
        (['features.8'], [f'features.{n}' for n in (12, 13, 14)]),
        (['features.11'], [f'features.{n}' for n in (17, 18, 19)]),
    ]


def test_resnet_and_vgg8(body, monkeypatch):
    """Stages that begin with the same shape, in which VGG-8 has but a transition."""
    said = []
    monkeypatch.setattr(pairs, 'print_log', lambda text, **kwargs: said.append(text))
    student = body('dynkd.VGG8', norm_cfg=BN)
    assert found(student, body('ResNet_CIFAR', depth=18)) == [
        ([f'features.{n - 1}', f'features.{n}'], [f'layer{stage}.{b}' for b in (0, 1)])
        for n, stage in ((2, 2), (4, 3), (6, 4))
    ]
    # VGG-8's first stage is the stem.
    assert len(said) == 1 and 'layer1.1' in said[0]


def test_shallowest_resnet_takes_whole_stages(thin):
    assert found(thin(8), thin(20)) == [
        ([f'layer{stage}.0'], [f'layer{stage}.{n}' for n in range(3)])
        for stage in (1, 2, 3)
    ]


@pytest.mark.parametrize(
    ('kind', 'cfg', 'blocks'),
    [
        ('ShuffleNetV1', dict(groups=3, widen_factor=0.5), [3, 7, 3]),
        ('ShuffleNetV2', dict(widen_factor=0.5), [3, 7, 3]),
        ('dynkd.ShuffleNetV1_CIFAR', dict(groups=3, widen_factor=0.5), [3, 7, 3]),
        ('MobileNetV2', dict(widen_factor=0.5), [1, 2, 3, 2, 2]),
        (
            'ConvNeXt',
            dict(arch=dict(depths=[1, 2, 1, 1], channels=[4, 8, 12, 16])),
            [1, 2, 1, 1],
        ),
    ],
)
def test_other_families_with_themselves(body, kind, cfg, blocks):
    model = body(kind, **cfg)
    pairs = found(model, model, IMAGE)
    assert all(student == teacher for student, teacher in pairs)
    stages = [student[0].rpartition('.')[0] for student, _ in pairs]
    assert [stages.count(stage) for stage in dict.fromkeys(stages)] == blocks


def test_tokens(body):
    """A transformer has one stage, and nothing that is shared."""
    arch = dict(embed_dims=8, num_heads=1, feedforward_channels=8)
    pair = [
        body(
            'VisionTransformer',
            arch=dict(arch, num_layers=layers),
            img_size=32,
            patch_size=8,
        )
        for layers in (2, 5)
    ]
    assert found(*pair) == [
        (['layers.0'], ['layers.0', 'layers.1', 'layers.2']),
        (['layers.1'], ['layers.3', 'layers.4']),
    ]


@given(own=st.integers(1, 9), more=st.integers(0, 20))
@settings(deadline=None)
def test_all_blocks_of_the_teacher_evenly(own, more):
    def stage(count: int) -> pairs._Stage:
        units = [Unit((f'{n}',), (4, 8, 8), (4, 8, 8), False) for n in range(count)]
        return pairs._Stage(units)

    made = pairs._pair_stage(stage(own), stage(own + more), 'block')
    assert [pair.student for pair in made] == [(f'{n}',) for n in range(own)]
    teacher = [name for pair in made for name in pair.teacher]
    assert teacher == [f'{n}' for n in range(own + more)]
    counts = [len(pair.teacher) for pair in made]
    assert counts == sorted(counts, reverse=True) and counts[0] - counts[-1] <= 1


def test_a_shallower_teacher_is_refused(thin):
    with pytest.raises(
        ValueError,
        match=r'teacher has 3 block\(s\) that return \(4, 32, 32\).* 6 of the student '
        r'\(backbone.layer1.1 to backbone.layer1.6\)',
    ):
        found(thin(44), thin(26))


@pytest.fixture
def three_and_four_stages(body):
    """ResNets with the same maps, one of which goes on to smaller ones."""
    narrow = dict(stem_channels=16, base_channels=16)
    return (
        body('dynkd.ResNet6nPlus2', depth=14),
        body('ResNet_CIFAR', depth=18, **narrow),
    )


def test_no_block_of_the_student_is_left_out(three_and_four_stages):
    three, four = three_and_four_stages
    with pytest.raises(
        ValueError,
        match=r'no counterpart: backbone.layer4.1 return \(128, 4, 4\), and the '
        r'teacher has maps of the shapes \(16, 32, 32\), \(32, 16, 16\), \(64, 8, 8\)'
        r'.*`pairs`',
    ):
        found(four, three)


def test_what_is_left_out_of_the_teacher_is_logged(three_and_four_stages, monkeypatch):
    said = []
    monkeypatch.setattr(pairs, 'print_log', lambda text, **kwargs: said.append(text))
    expected = [([f'layer{stage}.1'], [f'layer{stage}.1']) for stage in (1, 2, 3)]
    assert found(*three_and_four_stages) == expected
    (text,) = said
    assert 'backbone.layer4.1: the student has no (128, 4, 4) map' in text


def test_nothing_to_pair_names_the_shapes(thin, body):
    wide = body('dynkd.ResNet6nPlus2', depth=26)
    with pytest.raises(ValueError, match=r'\(4, 32, 32\).*\(16, 32, 32\)'):
        found(thin(20), wide)
    with pytest.raises(ValueError, match='no block of the student'):
        found(thin(8), thin(8))  # transitions alone, which are shared


def test_unknown_level(thin):
    with pytest.raises(ValueError, match=r"'block', 'group'\), got 'stage'"):
        found(thin(8), thin(8), level='stage')


def test_blocks_that_are_not_known(body):
    swin = body(
        'SwinTransformer',
        arch=dict(embed_dims=8, depths=[1] * 4, num_heads=[1] * 4),
        img_size=64,
        window_size=2,
    )
    for model in (swin, nn.Module()):
        with pytest.raises(ValueError, match=r'Name them: `pairs=\[dict\('):
            find_units(model, IMAGE)


def test_the_stream_s_shape_is_named(thin):
    with pytest.raises(ValueError, match=r'not run on.*\(4, 32, 32\).*`input_shape`'):
        find_units(thin(8), (4, 32, 32))


def test_probing_changes_nothing(thin):
    model = thin(20).train()
    for index, module in enumerate(model.modules()):
        module.training = index % 3 == 0
    modes = [module.training for module in model.modules()]
    state = {key: value.clone() for key, value in model.state_dict().items()}
    random = torch.get_rng_state()
    find_units(model, SMALL)
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(model.state_dict()[k], v) for k, v in state.items())
    assert torch.equal(torch.get_rng_state(), random)
    assert not any(module._forward_hooks for module in model.modules())


def test_probing_prefers_the_model_s_own_features(thin):
    """Necks and the like can be paired by name."""
    model = thin(8)
    model.neck = nn.Conv2d(16, 8, 1)
    model.extract_feat = lambda inputs: model.neck(model.backbone(inputs)[0])
    calls = probe(model, SMALL, ['neck'])
    assert calls['neck'].shapes == ((16, 8, 8), (8, 8, 8))
    with pytest.raises(ValueError, match='neither `extract_feat` nor a `backbone`'):
        probe(nn.Linear(1, 1), SMALL, [])


def test_reading_pairs():
    cfgs = [
        dict(student='a.1', teacher=['a.1', 'a.2']),
        dict(student=['b'], teacher='c'),
    ]
    assert read_pairs(cfgs) == [Pair(('a.1',), ('a.1', 'a.2')), Pair(('b',), ('c',))]


@pytest.mark.parametrize(
    'wrong',
    [
        dict(student='a'),
        dict(student=[], teacher='a'),
        dict(student='a', teacher='b', level='group'),
        ('a.b', 'a.b'),
        dict(student=1, teacher=2),
        dict(student='a', teacher=[3]),
        dict(student='a', teacher=''),
        'a',
    ],
)
def test_pairs_that_are_not_written_as_pairs(wrong):
    with pytest.raises(ValueError) as error:
        read_pairs([dict(student='a', teacher='b'), wrong])
    text = str(error.value)
    assert text.startswith('a pair is written `dict(student=[…], teacher=[…])`')
    assert text.endswith(f'not {wrong!r}.')


@pytest.mark.parametrize('wrong', [dict(student='a', teacher='b'), 'a', 3])
def test_what_is_no_list_of_pairs(wrong):
    with pytest.raises(ValueError) as error:
        read_pairs(wrong)
    assert f'is a list of pairs, not {wrong!r}; a pair is written' in str(error.value)


def test_no_pairs():
    with pytest.raises(ValueError, match='`pairs` is empty'):
        read_pairs([])
