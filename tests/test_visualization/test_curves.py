# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import cv2

from dynkd.visualization.curves import draw_curves


def colors(path):
    """How many pixels of each colour a figure has, by its hexadecimal name."""
    pixels = cv2.imread(str(path))[..., ::-1].reshape(-1, 3)
    names, counts = {}, 0
    for red, green, blue in pixels.tolist():
        key = f'#{red:02X}{green:02X}{blue:02X}'
        names[key] = names.get(key, 0) + 1
        counts += 1
    return names


def test_each_curve_is_drawn_in_a_colour_of_its_own(tmp_path):
    curve = {1: 0.1, 2: 0.3, 3: 0.2}
    panels = {
        'Teacher': {'alone': curve, 'with DKD': {k: v + 0.1 for k, v in curve.items()}},
        'Student': {'alone': curve},
    }
    one = draw_curves(panels, tmp_path / 'new' / 'two.png', 'epoch', 'AP')
    found = colors(one)
    assert found['#0072B2'] > 100, 'the second curve'
    assert found['#999999'] > found['#0072B2'], 'the first curve, in both panels'
    assert '#D55E00' not in found, 'there is no third curve'


def test_panels_stand_side_by_side(tmp_path):
    panel = {'alone': {1: 0.5, 2: 0.6}}
    one = draw_curves({'a': panel}, tmp_path / '1.png', 'epoch', 'AP')
    two = draw_curves({'a': panel, 'b': panel}, tmp_path / '2.png', 'epoch', 'AP')
    height, width = cv2.imread(str(one)).shape[:2]
    assert cv2.imread(str(two)).shape[:2] == (height, 2 * width)


def test_more_curves_than_colours(tmp_path):
    curves = {str(index): {1: 0.1 * index, 2: 0.2 * index} for index in range(6)}
    few = dict(list(curves.items())[:4])
    two = [
        colors(draw_curves({'a': own}, tmp_path / f'{len(own)}.png', 'epoch', 'AP'))
        for own in (few, curves)
    ]
    assert two[1]['#999999'] > two[0]['#999999'] > 0
    assert two[1]['#0072B2'] > two[0]['#0072B2'] > 0
