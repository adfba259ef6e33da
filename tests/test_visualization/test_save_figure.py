# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import cv2
import numpy as np
import pytest

from dynkd.visualization import save_figure


def drawn(entries, where):
    """A figure with a legend beside its axes; the last entry is red."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3, 2), layout='constrained')
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    for index in range(entries):
        color = '#FF0000' if index + 1 == entries else '#0000FF'
        axis.plot([], [], color=color, label=f'row {index}')
    columns = dict(ncols=entries) if where == 'outside lower center' else {}
    figure.legend(loc=where, **columns)
    return figure


def red(path):
    """Pixels of the last entry's line."""
    return np.all(cv2.imread(str(path)) == (0, 0, 255), axis=-1).sum()


@pytest.mark.parametrize('where', ['outside right upper', 'outside lower center'])
def test_a_legend_that_does_not_fit_makes_the_image_larger(tmp_path, where):
    few = save_figure(drawn(2, where), tmp_path / 'few.png', dpi=100)
    many = save_figure(drawn(30, where), tmp_path / 'many.png', dpi=100)
    assert red(few) > 20
    assert red(many) == pytest.approx(red(few), rel=0.1)
    assert cv2.imread(str(few)).shape == (200, 300, 3), 'as large as it was asked for'
    assert cv2.imread(str(many)).size > cv2.imread(str(few)).size


def test_its_folder_is_made(tmp_path):
    out = save_figure(drawn(1, 'outside right upper'), str(tmp_path / 'a' / 'b.png'))
    assert out == tmp_path / 'a' / 'b.png'
    assert out.is_file()
