# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import math

import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import BaseDataElement, InstanceData

from dynkd.models.methods.fgd import FGDLoss

IMAGE = (32, 48)
#: Boxes of two images: overlapping ones with one that hangs out, and none.
CORNERS = [[(0, 0, 30, 20), (9, 3, 12, 30), (40, 20, 70, 50)], []]
#: Which cells of a level of 4x6 the boxes cover, both ends included, and how many they
#: have, those outside counted.
SPANS = [[(0, 4, 0, 3, 20), (1, 2, 0, 4, 10), (5, 9, 2, 7, 30)], []]
TERMS = ('foreground', 'background', 'attention', 'relation')


def samples(corners=CORNERS):
    return [
        DetDataSample(
            gt_instances=InstanceData(bboxes=torch.tensor(own).reshape(-1, 4).float()),
            metainfo=dict(batch_input_shape=IMAGE),
        )
        for own in corners
    ]


def features(*shape, grad=False):
    shape = shape or (2, 4, 4, 6)
    return [
        torch.randn(shape, dtype=torch.float64, requires_grad=grad) for _ in range(2)
    ]


def fgd(**weights):
    options = {name: weights.pop(name, 0.0) for name in TERMS}
    if options['relation']:
        weights.setdefault('channels', 4)
    loss = FGDLoss(**options, **weights).double()
    for parameter in loss.parameters():
        # The last layers start at zero, which would hide the blocks.
        torch.nn.init.normal_(parameter)
    return loss


# ------------------------------------------------------------------ transcriptions


def softmax(values):
    top = max(values)
    shares = [math.exp(value - top) for value in values]
    return [share / sum(shares) for share in shares]


def cells(image):
    _, height, width = image.shape
    return [(i, j) for i in range(height) for j in range(width)]


def spatial(image, temperature):
    """The spatial attention of an image by cell."""
    places = cells(image)
    strengths = [
        sum(abs(channel[i, j].item()) for channel in image) / len(image) / temperature
        for i, j in places
    ]
    return {p: len(places) * s for p, s in zip(places, softmax(strengths))}


def channelwise(image, temperature):
    """The channel attention of an image."""
    strengths = [
        sum(abs(channel[place].item()) for place in cells(image))
        / len(cells(image))
        / temperature
        for channel in image
    ]
    return [len(image) * share for share in softmax(strengths)]


def masks(spans, image):
    """Foreground and background of an image by cell."""
    foreground = dict.fromkeys(cells(image), 0.0)
    for left, right, top, bottom, count in spans:
        for i, j in foreground:
            if left <= j <= right and top <= i <= bottom:
                foreground[i, j] = max(foreground[i, j], 1 / count)
    free = [place for place, value in foreground.items() if value == 0]
    background = {place: (place in free) / len(free) for place in foreground}
    return dict(foreground=foreground, background=background)


def focal(target, source, which, temperature):
    total = 0.0
    for own, other, spans in zip(target, source, SPANS):
        mask = masks(spans, own)[which]
        by_cell, by_channel = (
            spatial(other, temperature),
            channelwise(other, temperature),
        )
        for k in range(len(own)):
            for place in cells(own):
                gap = (other[k][place] - own[k][place]).item()
                total += mask[place] * by_cell[place] * by_channel[k] * gap**2
    return total / len(target)


def attention(target, source, temperature):
    total = 0.0
    for own, other in zip(target, source):
        a, b = spatial(own, temperature), spatial(other, temperature)
        total += sum(abs(a[place] - b[place]) for place in a)
        a, b = channelwise(own, temperature), channelwise(other, temperature)
        total += sum(abs(x - y) for x, y in zip(a, b))
    return total / len(target)


def context(block, image):
    """A GCNet block with additive fusion on one image: what it adds to each channel."""
    channels = len(image)
    key = block.conv_mask.weight.flatten().tolist()
    logits = [
        sum(key[k] * image[k][place].item() for k in range(channels))
        for place in cells(image)
    ]
    shares = softmax(logits)
    pooled = [
        sum(
            share * image[k][place].item() for share, place in zip(shares, cells(image))
        )
        for k in range(channels)
    ]
    first, norm, _, last = block.channel_add_conv
    hidden = linear(first, pooled)
    mean = sum(hidden) / len(hidden)
    variance = sum((value - mean) ** 2 for value in hidden) / len(hidden)
    scale, shift = norm.weight.flatten().tolist(), norm.bias.flatten().tolist()
    hidden = [
        max(0.0, (value - mean) / math.sqrt(variance + norm.eps) * a + b)
        for value, a, b in zip(hidden, scale, shift)
    ]
    return linear(last, hidden)


def linear(layer, values):
    weight, bias = layer.weight.flatten(1).tolist(), layer.bias.tolist()
    return [sum(w * v for w, v in zip(row, values)) + b for row, b in zip(weight, bias)]


def relation(blocks, target, source):
    total = 0.0
    for own, other in zip(target, source):
        added = context(blocks.target, own), context(blocks.source, other)
        for k in range(len(own)):
            for place in cells(own):
                gap = own[k][place].item() + added[0][k]
                gap -= other[k][place].item() + added[1][k]
                total += gap**2
    return total / len(target)


# ------------------------------------------------------------------ tests


@pytest.mark.parametrize('temperature', [0.5, 0.8])
@pytest.mark.parametrize('which', ['foreground', 'background'])
def test_focal_terms_in_loops(agrees, which, temperature):
    target, source = features()
    loss = fgd(**{which: 0.3}, temperature=temperature)
    expected = 0.3 * focal(target, source, which, temperature)
    found = loss(target, source, data_samples=samples()).item()
    agrees('FGDLoss', found, expected)


def test_attention_in_loops(agrees):
    target, source = features()
    expected = 0.3 * attention(target, source, 0.5)
    agrees('FGDLoss', fgd(attention=0.3)(target, source).item(), expected)


def test_relation_in_loops(agrees):
    target, source = features()
    loss = fgd(relation=0.3)
    expected = 0.3 * relation(loss.contexts[0], target, source)
    agrees('FGDLoss', loss(target, source).item(), expected)


def test_terms_and_levels_add_up():
    pairs = [features(), features(2, 4, 2, 3)]
    weights = dict(foreground=0.1, background=0.2, attention=0.3, relation=0.4)
    loss = fgd(**weights, num_levels=2, loss_weight=0.5)
    targets, sources = zip(*pairs)
    found = loss(targets, sources, data_samples=samples())
    total = 0.0
    for name, weight in weights.items():
        part = 0.0
        for index, pair in enumerate(pairs):
            alone = fgd(**{name: weight})
            if name == 'relation':
                alone.contexts[0].load_state_dict(loss.contexts[index].state_dict())
            part += alone(*pair, data_samples=samples()).item()
        assert loss.stats[name].item() == pytest.approx(part)
        total += part
    assert found.item() == pytest.approx(0.5 * total)
    assert list(loss.stats) == list(weights)
    assert not any(value.requires_grad for value in loss.stats.values())


def test_gradcheck_of_the_smooth_terms():
    loss = fgd(foreground=0.4, background=0.3, relation=0.2)
    loss = loss.requires_grad_(False)
    target, source = features(2, 4, 2, 3, grad=True)

    def run(target, source):
        return loss(target, source, data_samples=samples())

    assert torch.autograd.gradcheck(run, (target, source))


def test_gradcheck_of_attention():
    # Away from its kinks: features of one sign, and attentions that differ.
    target = (1 + torch.rand(2, 4, 2, 3).double()).requires_grad_()
    source = 1 + torch.rand(2, 4, 2, 3).double()
    assert torch.autograd.gradcheck(fgd(attention=0.7), (target, source))


def test_blocks_of_both_sides_learn():
    loss = FGDLoss(0.0, 0.0, relation=1.0, channels=4, num_levels=1)
    target, source = (side.float() for side in features())
    # As it starts the blocks add nothing.
    gaps = (target - source).square().sum() / 2
    assert loss(target, source).item() == pytest.approx(gaps.item())
    loss(target, source).backward()
    for block in (loss.contexts[0].target, loss.contexts[0].source):
        assert block.channel_add_conv[-1].weight.grad.abs().sum() > 0


@pytest.mark.parametrize('layout', ['channels_last', 'transposed'])
def test_memory_layout_does_not_matter(layout):
    target, source = features()
    loss = fgd(foreground=0.1, attention=0.3, relation=0.4)
    if layout == 'channels_last':
        moved = target.to(memory_format=torch.channels_last)
    else:
        moved = target.mT.contiguous().mT
    expected = loss(target, source, data_samples=samples())
    assert torch.allclose(loss(moved, source, data_samples=samples()), expected)


def test_equal_features_cost_nothing():
    same = features()[0]
    loss = FGDLoss(1.0, 1.0, 1.0, 1.0, channels=4).double()
    assert loss(same, same, data_samples=samples()).item() == 0


def test_images_without_boxes_are_background():
    target, source = features()
    none = samples([[], []])
    assert fgd(foreground=1.0)(target, source, data_samples=none).item() == 0
    found = fgd(background=1.0)(target, source, data_samples=none).item()
    weight = 0.0
    for own, other in zip(target, source):
        by_cell, by_channel = spatial(other, 0.5), channelwise(other, 0.5)
        for place in cells(own):
            gaps = [(b[place] - a[place]).item() ** 2 for a, b in zip(own, other)]
            error = sum(a * gap for a, gap in zip(by_channel, gaps))
            weight += by_cell[place] * error / 24
    assert found == pytest.approx(weight / 2, rel=1e-6)


def test_a_box_that_covers_all_leaves_no_background():
    target, source = features()
    everywhere = samples([[(0, 0, 48, 32)]] * 2)
    assert fgd(background=1.0)(target, source, data_samples=everywhere).item() == 0


def test_terms_of_weight_zero_need_nothing():
    target, source = features()
    loss = fgd(attention=1.0, relation=1.0)
    loss(target, source)
    assert list(loss.stats) == ['attention', 'relation']
    assert not list(fgd(foreground=1.0, attention=1.0).parameters())


def test_half_precision_is_computed_in_single():
    target, source = (side.float() for side in features())
    loss = fgd(foreground=0.1, background=0.2, attention=0.3, relation=0.4).float()
    expected = loss(target, source, data_samples=samples())
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found = loss(target, source, data_samples=samples())
    assert found.dtype == torch.float32
    assert torch.equal(found, expected)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(foreground=-1.0, background=1.0), '`foreground` must not be negative'),
        (dict(foreground=0.0, background=math.nan), '`background` must be finite'),
        (dict(foreground=0.0, background=0.0), 'nothing to compare'),
        (dict(foreground=1.0, background=1.0, temperature=0.0), 'temperature'),
        (dict(foreground=1.0, background=1.0, num_levels=0), 'num_levels'),
        (dict(foreground=1.0, background=1.0, relation=1.0), 'channels=None'),
    ],
)
def test_arguments_out_of_range(options, message):
    with pytest.raises(ValueError, match=message):
        FGDLoss(**options)


@pytest.mark.parametrize(
    ('target', 'source', 'message'),
    [
        ((2, 3, 4, 6), (2, 4, 4, 6), 'ChannelAligner.*in_channels=3, out_channels=4'),
        ((2, 4, 2, 3), (2, 4, 4, 6), 'same resolution'),
        ((2, 5, 4, 6), (2, 5, 4, 6), 'have 5 channels, but channels=4'),
        ((2, 6, 4), (2, 6, 4), r'must be maps, \(B, C, H, W\)'),
    ],
)
def test_shapes_are_refused_before_boxes_are_read(target, source, message):
    loss = fgd(foreground=1.0, relation=1.0)
    labelled = [BaseDataElement(gt_label=torch.zeros(1))] * 2
    with pytest.raises(ValueError, match=message):
        loss(torch.zeros(target), torch.zeros(source), data_samples=labelled)


@pytest.mark.parametrize(('targets', 'sources'), [(2, 1), (1, 2), (1, 1)])
def test_levels_are_refused(targets, sources):
    target, source = features()
    loss = fgd(attention=1.0, num_levels=2)
    with pytest.raises(ValueError, match=f'target has {targets} .*num_levels=2'):
        loss([target] * targets, [source] * sources)


def test_samples_that_do_not_fit():
    target, source = features()
    loss = fgd(foreground=1.0)
    with pytest.raises(ValueError, match=r'1 data sample\(s\) for a batch of 2'):
        loss(target, source, data_samples=samples()[:1])
    with pytest.raises(TypeError, match='no data samples'):
        loss(target, source)
