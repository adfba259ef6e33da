# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What each recipe says of models, by what is known of them."""

from dataclasses import replace

import pytest

from dynkd.recipes import METHODS
from dynkd.recipes.place import CLASSIFIER, DENSE, QUERIES, TWO_STAGE, ModelView, Place
from dynkd.recipes.recipe import Pair


def levels(module: str, channels: int, *sides: int) -> tuple[Place, ...]:
    """Maps of several levels."""
    return tuple(
        Place(f'{module}[{i}]', (channels, side, side)) for i, side in enumerate(sides)
    )


def dense(channels: int = 16, classes: int = 3, anchors: int = 1, **more) -> ModelView:
    """A single-stage detector with three levels, and as many anchors on each."""
    fields = dict(
        kind=DENSE,
        model=None,
        input_shape=(3, 320, 320),
        scores=levels('bbox_head[0]', classes * anchors, 40, 20, 10),
        classes=classes,
        anchors=(anchors,) * 3,
        activation='sigmoid',
        features=levels('neck', channels, 40, 20, 10),
        stages=levels('backbone', channels, 40, 20, 10),
    )
    return ModelView(**dict(fields, **more))


def image_classifier(channels: int = 8, side: int = 7, **more) -> ModelView:
    """A classifier with maps of one stage."""
    fields = dict(
        kind=CLASSIFIER,
        model=None,
        input_shape=(3, 224, 224),
        scores=(Place('head', (5,)),),
        classes=5,
        anchors=(1,),
        stages=levels('backbone', channels, side),
        pooled=(Place('neck[0]', (channels,)),),
    )
    return ModelView(**dict(fields, **more))


def test_dkd_goes_both_ways_and_takes_stride_32():
    recipe = METHODS['dkd'](Pair(dense(), dense()))
    assert recipe.transfers['loss_emd']['target'] == 'student.neck[2]'
    student = recipe.transfers['loss_kld_student']
    teacher = recipe.transfers['loss_kld_teacher']
    assert (student['source'], student['target']) == (
        'teacher.bbox_head[0]',
        'student.bbox_head[0]',
    )
    assert (teacher['source'], teacher['target']) == (
        'student.bbox_head[0]',
        'teacher.bbox_head[0]',
    )
    assert recipe.teacher_rate == 0.1 and not recipe.left_out


@pytest.mark.parametrize('method', ['kd', 'fgd', 'dpk'])
def test_teachers_of_static_methods_are_frozen(method):
    recipe = METHODS[method](Pair(dense(), dense()))
    assert recipe.streams['teacher']['frozen'] is True
    assert all(t['target'] != 'teacher' for t in recipe.transfers.values())


def test_anchors_share_the_dimension_of_the_classes():
    recipe = METHODS['kd'](Pair(dense(anchors=9), dense(anchors=9)))
    assert recipe.transfers['loss_kld_student']['loss']['num_anchors'] == 9


def test_levels_with_other_anchors_have_transfers_of_their_own():
    view = replace(
        dense(activation='softmax'),
        anchors=(4, 6, 6),
        scores=tuple(
            Place(f'bbox_head[0][{i}]', (3 * n, side, side))
            for i, (n, side) in enumerate(((4, 40), (6, 20), (6, 10)))
        ),
    )
    transfers = METHODS['kd'](Pair(view, view)).transfers
    assert [t['loss']['num_anchors'] for t in transfers.values()] == [4, 6, 6]
    assert transfers['loss_kld_student_1']['source'] == 'teacher.bbox_head[0][1]'


@pytest.mark.parametrize(
    ('other', 'reason'),
    [
        (dict(classes=7), 'the student has 3 classes, the teacher 7'),
        (dict(anchors=9), 'predictions per position and level'),
        (dict(activation='softmax'), 'sigmoid'),
        (dict(scores=(), why_not='its head is unusual'), 'its head is unusual'),
    ],
)
def test_scores_that_do_not_compare_are_left_out(other, reason):
    recipe = METHODS['dkd'](Pair(dense(), dense(**other)))
    assert list(recipe.transfers) == ['loss_emd']
    assert reason in recipe.left_out[0]


def test_kd_compares_features_where_there_are_no_scores():
    view = dense(kind=QUERIES, scores=(), why_not='queries have no order')
    recipe = METHODS['kd'](Pair(view, view))
    assert recipe.transfers['loss_feature']['source'] == [
        f'teacher.neck[{level}]' for level in range(3)
    ]
    assert 'queries have no order' in recipe.left_out[0]


def test_two_stage_detectors_share_proposals():
    view = dense(kind=TWO_STAGE, scores=(Place('roi_head.bbox_head[0]', (4,)),))
    recipe = METHODS['dkd'](Pair(view, view))
    assert recipe.streams['teacher']['proposals'] == 'student'


def test_fgd_leaves_the_subsampled_level_of_two_stage_detectors_out():
    features = levels('neck', 16, 80, 40, 20, 10, 5)
    view = dense(kind=TWO_STAGE, features=features)
    loss = METHODS['fgd'](Pair(view, view)).transfers['loss_fgd']
    assert len(loss['source']) == 4 and loss['loss']['num_levels'] == 4
    assert (
        len(METHODS['fgd'](Pair(dense(), dense())).transfers['loss_fgd']['source']) == 3
    )


def test_levels_of_other_widths_get_one_aligner_each():
    taps = METHODS['fgd'](Pair(dense(16), dense(24))).transfers['loss_fgd']
    assert taps['target_connector'] == dict(
        type='ChannelAligner', in_channels=16, out_channels=24, dims=2, num_levels=3
    )


def test_levels_of_several_widths_are_refused_by_fgd():
    uneven = (*levels('neck', 16, 40), Place('neck[1]', (32, 20, 20)))
    with pytest.raises(ValueError, match='no levels of one width'):
        METHODS['fgd'](Pair(dense(features=uneven), dense()))


def test_patches_of_dpk_cover_as_many_pixels_on_each_level():
    connector = METHODS['dpk'](Pair(dense(16), dense(24))).transfers['loss_dpk'][
        'connector'
    ]
    assert connector['patch_size'] == [8, 4, 2]
    assert connector['grid_size'] == [(5, 5)] * 3
    assert (connector['student_channels'], connector['teacher_channels']) == (16, 24)


def test_classifiers_without_maps_on_one_grid_compare_vectors():
    tokens = image_classifier(12, stages=())
    recipe = METHODS['dkd'](Pair(image_classifier(), tokens))
    emd = recipe.transfers['loss_emd']
    assert (emd['source'], emd['target']) == ('teacher.neck[0]', 'student.neck[0]')
    assert emd['target_connector']['dims'] == 0


def test_what_needs_maps_says_so():
    tokens = image_classifier(stages=())
    for method in ('ekd', 'dpk', 'dtskd'):
        with pytest.raises(ValueError, match='maps'):
            METHODS[method](Pair(tokens, tokens))


def test_every_weight_is_balanced_between_its_losses():
    for method in ('dkd', 'kd', 'fgd', 'dpk'):
        for transfer in METHODS[method](Pair(dense(), dense())).transfers.values():
            assert transfer['loss']['loss_weight'] == dict(
                type='BalancedWeight', share=1.0
            )


@pytest.mark.parametrize(('channels', 'width'), [(30, 28), (2, 4), (2048, 512)])
def test_guided_modules_have_a_width_that_they_can_have(channels, width):
    recipe = METHODS['ekd'](Pair(image_classifier(channels), image_classifier()))
    for name in ('teacher', 'student'):
        module = recipe.streams[name]['branches']['module']
        assert module['out_channels'] == width


def test_dpk_needs_maps_of_both():
    with pytest.raises(ValueError, match='features: a backbone has no maps'):
        METHODS['dpk'](Pair(image_classifier(stages=()), image_classifier()))


def test_dpk_resizes_to_the_grid_of_the_teacher():
    recipe = METHODS['dpk'](Pair(image_classifier(), image_classifier(side=14)))
    connector = recipe.transfers['loss_dpk']['connector']
    assert connector['resize'] and connector['grid_size'] == (14, 14)
    same = METHODS['dpk'](Pair(image_classifier(), image_classifier()))
    assert 'resize' not in same.transfers['loss_dpk']['connector']
