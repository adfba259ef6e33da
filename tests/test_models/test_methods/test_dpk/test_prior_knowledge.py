# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import pytest
import torch
import torch.nn.functional as F

from dynkd.models.methods.dpk import CKARatio, PriorKnowledge
from dynkd.models.methods.dpk.cka import cka
from dynkd.registry import MODELS

SMALL = dict(
    type='PriorKnowledge',
    student_channels=3,
    teacher_channels=5,
    embed_dims=8,
    grid_size=4,
    encoder_depth=1,
    decoder_depth=1,
    num_heads=2,
    ratio=0.5,
)
#: One for each way to transform features.
KINDS = dict(
    transformer={},
    mlp=dict(transform='mlp', encoder_depth=None),
    conv=dict(transform='conv', num_heads=None),
)


def build(**changed) -> PriorKnowledge:
    return MODELS.build({**SMALL, **changed})


def sides(*size, batch=4, student=3, teacher=5):
    """A student's and a teacher's map, which are alike in part."""
    size = size or (4, 4)
    own = torch.randn(batch, student, *size)
    other = torch.randn(batch, teacher, *size)
    other[:, : min(student, teacher)] += 2 * own[:, : min(student, teacher)]
    return own.requires_grad_(), other.requires_grad_()


def spy(connector):
    """What the levels stitch, and with which masks."""
    seen = []

    def watch(level):
        stitch = level.stitch

        def stitched(tokens, teacher, mask):
            hybrid = stitch(tokens, teacher, mask)
            seen.append((tokens, mask, hybrid))
            return hybrid

        level.stitch = stitched

    for level in connector.levels:
        watch(level)
    return seen


# ------------------------------------------------------------------- the hybrid


@pytest.mark.parametrize('mask', ['random', 'block', 'grid'])
@pytest.mark.parametrize('kind', KINDS)
def test_teacher_tokens_where_masked(kind, mask):
    connector = build(mask=mask, ratio=None if mask == 'grid' else 0.5, **KINDS[kind])
    seen = spy(connector)
    student, teacher = sides()
    connector(student, teacher)
    tokens, masked, hybrid = seen[0]
    level = connector.levels[0]
    given = level.teacher_encoder(teacher)[0]
    own = level.student_encoder(student)[0]
    assert 0 < masked.float().mean() < 1
    assert torch.equal(hybrid[masked], given[masked])
    assert torch.equal(hybrid[~masked], own[~masked])
    assert not torch.isclose(given, own).any(2).all()


def test_it_is_decoded():
    connector = build()
    seen = spy(connector)
    student, teacher = sides()
    found = connector(student, teacher)
    expected = connector.levels[0].decoder(seen[0][2], (4, 4), (4, 4))
    assert torch.equal(found, expected)
    assert found.shape == teacher.shape


@pytest.mark.parametrize('fill', ['zero', 'token'])
def test_other_fillings(fill):
    connector = build(fill=fill)
    seen = spy(connector)
    connector(*sides())
    _, masked, hybrid = seen[0]
    level = connector.levels[0]
    expected = torch.zeros(8) if fill == 'zero' else level.mask_token
    assert (hybrid[masked] == expected).all()
    # What is not used has no parameters.
    names = dict(connector.named_parameters())
    assert not any('teacher_encoder' in name for name in names)
    assert ('levels.0.mask_token' in names) == (fill == 'token')


def test_mask_token_learns():
    connector = build(fill='token')
    connector(*sides()).square().sum().backward()
    assert connector.levels[0].mask_token.grad.abs().sum() > 0


@pytest.mark.parametrize('kind', KINDS)
def test_gradients(kind):
    connector = build(**KINDS[kind])
    student, teacher = sides()
    F.mse_loss(connector(student, teacher), teacher.detach()).backward()
    assert student.grad.abs().sum() > 0
    assert teacher.grad is None
    for name, parameter in connector.named_parameters():
        assert parameter.grad is not None, name
        if not name.endswith('in_proj_bias'):
            assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize(('ratio', 'idle'), [(0.0, 'teacher'), (1.0, 'student')])
def test_every_parameter_has_a_gradient_at_either_end(ratio, idle):
    connector = build(ratio=ratio)
    connector(*sides()).square().sum().backward()
    for name, parameter in connector.named_parameters():
        assert parameter.grad is not None
        if f'{idle}_encoder' in name:
            assert parameter.grad.abs().sum() == 0
    assert connector.levels[0].decoder.patches.weight.grad.abs().sum() > 0


def test_it_learns_to_tell_what_the_teacher_says():
    torch.manual_seed(3)
    connector = build(ratio=dict(type='CKARatio'))
    student, teacher = (side.detach() for side in sides(batch=8))
    teacher[:, :3] = 2 * student
    optimizer = torch.optim.Adam(connector.parameters(), 0.01)
    losses = []
    for _ in range(60):
        loss = F.mse_loss(connector(student, teacher), teacher)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert sum(losses[-5:]) < 0.6 * sum(losses[:5])


# ------------------------------------------------------------------------ sizes


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('size', [(4, 4), (8, 8), (5, 9), (2, 3), (17, 2)])
def test_any_size(size, kind):
    connector = build(patch_size=2, **KINDS[kind])
    student, teacher = sides(*size)
    found = connector(student, teacher)
    assert found.shape == teacher.shape
    found.sum().backward()
    assert student.grad.abs().sum() > 0


def test_a_feature_smaller_than_a_patch():
    with pytest.raises(ValueError, match='smaller than a patch of 3x3.*patch_size'):
        build(patch_size=3)(*sides(2, 5))


def test_other_sizes_of_the_student():
    student, teacher = sides(8, 8)[0], sides(4, 4)[1]
    with pytest.raises(ValueError, match='tap features of the same resolution, or'):
        build()(student, teacher)
    found = build(resize=True)(student, teacher)
    assert found.shape == teacher.shape


@pytest.mark.parametrize(
    ('size', 'expected'),
    [((8, 12), F.avg_pool2d), ((2, 3), F.interpolate)],
)
def test_how_the_student_is_resized(size, expected):
    level = build(resize=True).levels[0]
    student, teacher = sides(*size)[0], sides(4, 6)[1]
    found = level._fit(student, teacher)
    kwargs = dict(scale_factor=2, mode='bilinear')
    pooled = expected(student, 2) if size[0] == 8 else expected(student, **kwargs)
    torch.testing.assert_close(found, pooled)


# --------------------------------------------------------------- what is compared


@pytest.mark.parametrize(('patch', 'size'), [(1, (4, 4)), (2, (5, 7)), (3, (6, 4))])
def test_loss_on_what_was_not_masked(patch, size):
    torch.manual_seed(5)
    full = build(patch_size=patch, loss_on='full')
    part = build(patch_size=patch, loss_on='non_masked')
    part.load_state_dict(full.state_dict())
    student, teacher = sides(*size)
    seen = spy(part)
    torch.manual_seed(7)
    whole = full(student, teacher)
    torch.manual_seed(7)
    found = part(student, teacher)
    mask = seen[0][1].unflatten(1, (-(-size[0] // patch), -(-size[1] // patch)))
    for row in range(size[0]):
        for column in range(size[1]):
            masked = mask[:, row // patch, column // patch]
            ours, theirs = found[:, :, row, column], teacher[:, :, row, column]
            assert torch.equal(ours[masked], theirs[masked])
            assert torch.equal(ours[~masked], whole[~masked][:, :, row, column])
    F.mse_loss(found, teacher.detach()).backward()
    assert student.grad.abs().sum() > 0
    assert teacher.grad is None


# ---------------------------------------------------------- ratio and measurements


def test_ratio_follows_cka():
    connector = build(ratio=None)
    assert isinstance(connector.levels[0].ratio, CKARatio)
    seen = spy(connector)
    student, teacher = sides(8, 8, batch=6)
    for likeness in (0.2, 1.0, 4.0):
        alike = torch.cat((likeness * student, likeness * student[:, :2]), 1) + teacher
        connector(student, alike)
        expected = cka(alike, student).item()
        assert connector.stats['cka'].item() == pytest.approx(expected, abs=1e-5)
        ratio = connector.stats['ratio'].item()
        assert ratio == pytest.approx(min(1 - expected, 1), abs=1e-5)
        assert (seen[-1][1].sum(1) == round(64 * ratio)).all()
    assert ratio < 0.3


def test_grid_has_its_own_ratio():
    connector = build(mask='grid', ratio=None)
    connector(*sides())
    assert connector.stats['ratio'] == 0.75
    assert 'cka' in connector.stats
    # With odd sides it is less, which is what the log has.
    seen = spy(connector)
    connector(*sides(7, 7))
    assert connector.stats['ratio'].item() == pytest.approx(33 / 49)
    assert (seen[0][1].sum(1) == 33).all()
    with pytest.raises(ValueError, match="mask='grid' keeps one of every four"):
        build(mask='grid', ratio=0.5)


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('mask', ['random', 'block', 'grid'])
def test_under_autocast(mask, kind):
    connector = build(mask=mask, ratio=None, patch_size=2, **KINDS[kind])
    student, teacher = sides(7, 5)
    with torch.autocast('cpu', torch.bfloat16):
        found = connector(student.bfloat16(), teacher.bfloat16())
    exact = cka(teacher.bfloat16().double(), student.bfloat16().double()).item()
    assert connector.stats['cka'].item() == pytest.approx(exact, abs=1e-5)
    found.float().square().mean().backward()
    assert student.grad.abs().sum() > 0


def test_state_is_complete():
    connector = build(ratio=dict(type='CKARatio', window=3))
    pairs = [sides() for _ in range(4)]
    for pair in pairs[:2]:
        connector(*pair)
    resumed = build(ratio=dict(type='CKARatio', window=3))
    resumed.load_state_dict(connector.state_dict())
    for pair in pairs[2:]:
        torch.manual_seed(1)
        expected = connector(*pair)
        torch.manual_seed(1)
        assert torch.equal(resumed(*pair), expected)


# ----------------------------------------------------------------------- levels


def test_levels():
    connector = build(
        student_channels=[3, 4],
        teacher_channels=5,
        patch_size=[2, 1],
        grid_size=[(4, 6), 3],
        ratio=None,
        num_levels=2,
    )
    first, second = sides(8, 12), sides(3, 3, student=4)
    seen = spy(connector)
    found = connector((first[0], second[0]), [first[1], second[1]])
    assert [tuple(level.shape) for level in found] == [(4, 5, 8, 12), (4, 5, 3, 3)]
    assert set(connector.stats) == {'cka_0', 'ratio_0', 'cka_1', 'ratio_1'}
    for index, (student, teacher) in enumerate((first, second)):
        expected = cka(teacher, student).item()
        assert connector.stats[f'cka_{index}'].item() == pytest.approx(
            expected, abs=1e-5
        )
    assert [masked.size(1) for _, masked, _ in seen] == [24, 9]
    own, other = (set(map(id, level.parameters())) for level in connector.levels)
    assert not own & other


@pytest.mark.parametrize(('num_levels', 'decoder'), [(None, 6), (1, 6), (2, 4)])
def test_depths_of_the_paper(num_levels, decoder):
    connector = build(encoder_depth=None, decoder_depth=None, num_levels=num_levels)
    for level in connector.levels:
        # The last one is the normalisation.
        assert len(level.student_encoder.blocks) == 6 + 1
        assert len(level.teacher_encoder.blocks) == 6 + 1
        assert len(level.decoder.blocks) == decoder + 1


def test_one_feature_is_no_list():
    student, teacher = sides()
    assert isinstance(build()(student, teacher), torch.Tensor)
    assert len(build(num_levels=1)([student], [teacher])) == 1


# ----------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ('changed', 'message'),
    [
        (dict(mask='blocks'), "mask must be one of .* got 'blocks'"),
        (dict(fill='noise'), "fill must be one of .* got 'noise'"),
        (dict(loss_on='masked'), "loss_on must be one of .* got 'masked'"),
        (dict(transform='cnn'), "transform must be one of .* got 'cnn'"),
        (dict(patch_size=0), '`patch_size` must be at least 1, got 0'),
        (dict(student_channels=[3, 4]), r'one for each of 1 level\(s\)'),
        (dict(grid_size=(3, 4, 5)), 'grid_size must be a positive number'),
        (dict(grid_size=[3, 4]), r'each of 1 level\(s\), got \[3, 4\]'),
        (dict(grid_size=0), 'grid_size must be a positive number'),
        (dict(num_levels=0), '`num_levels` must be at least 1, got 0'),
        (dict(ratio=-0.1), r'ratio must be a number in \[0, 1\]'),
    ],
)
def test_bad_arguments(changed, message):
    with pytest.raises(ValueError, match=message):
        build(**changed)


@pytest.mark.parametrize(
    ('student', 'teacher', 'message'),
    [
        (
            (4, 4, 4, 4),
            (4, 5, 4, 4),
            'the student .* 4 channels, but student_channels=3',
        ),
        (
            (4, 3, 4, 4),
            (4, 3, 4, 4),
            'the teacher .* 3 channels, but teacher_channels=5',
        ),
        (
            (4, 16, 3),
            (4, 5, 4, 4),
            r'must be a map \(B, C, H, W\), got shape \(4, 16, 3\)',
        ),
    ],
)
def test_features_that_do_not_fit(student, teacher, message):
    with pytest.raises(ValueError, match=message):
        build()(torch.zeros(student), torch.zeros(teacher))


def test_what_is_no_tensor():
    student, teacher = sides()
    with pytest.raises(ValueError, match=r'student must be a map .*, got a list'):
        build(num_levels=1)([[student]], [[teacher]])
    with pytest.raises(ValueError, match=r'teacher must be a map .*, got a tuple'):
        build(num_levels=1)([student], [(teacher,)])


def test_unequal_numbers_of_levels():
    student, teacher = sides()
    with pytest.raises(ValueError, match=r'student has 1 level.* but num_levels=2'):
        build(num_levels=2)([student], [teacher, teacher])
    with pytest.raises(ValueError, match='but num_levels=None'):
        build()([student] * 2, [teacher] * 2)


def test_a_batch_too_small_for_cka():
    with pytest.raises(ValueError, match="samples='positions'"):
        build(ratio=None)(*sides(batch=2))
    few = build(ratio=dict(type='CKARatio', samples='positions'))
    few(*sides(batch=2))
    assert 0 < few.stats['ratio'] <= 1
