# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
from dynkd.visualization import line_style
from dynkd.visualization.line_style import COLORS, DASHES, MARKS


def test_all_curves_look_different():
    count = len(COLORS) * len(DASHES) * len(MARKS)
    looks = {tuple(line_style(index).items()) for index in range(count)}
    assert len(looks) == count == 112


def test_neighbours_differ_by_colour_and_turns_by_dashes_and_marks():
    first, second, turn = (line_style(index) for index in (0, 1, len(COLORS)))
    assert first['color'] != second['color']
    assert first['color'] == turn['color']
    assert first['linestyle'] != turn['linestyle']
    assert first['marker'] != turn['marker']
