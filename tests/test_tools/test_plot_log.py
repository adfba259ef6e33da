# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Curves of run logs: what is averaged, which panels there are, what is refused."""

import cv2
import pytest
from matplotlib.axes import Axes

from dynkd.utils import RunLog


@pytest.fixture(scope='module')
def tool(import_tool):
    return import_tool('analysis_tools/plot_log')


def train(step, **values):
    """A record of a training iteration, five in an epoch."""
    return dict(step=step, iter=step, epoch=(step - 1) // 5 + 1, **values)


@pytest.fixture
def dpk(write_log):
    """Two runs: one of two stages, one of a single stage."""
    two = [
        train(i, **{'dpk/cka_0': i / 40, 'dpk/cka_1': 0.5, 'dpk/ratio_0': 1 - i / 40})
        for i in range(1, 16)
    ]
    one = [train(i, **{'dpk/cka': i / 20, 'loss': 1.0 / i}) for i in range(1, 16)]
    return write_log('two', [*two, dict(step=3, **{'accuracy/top1': 60.0})]), write_log(
        'one', one
    )


def has(path, color):
    """Whether a figure has pixels of a colour, given by its hexadecimal name."""
    values = [int(color[i : i + 2], 16) for i in (5, 3, 1)]
    return (cv2.imread(str(path)) == values).all(-1).any()


def test_iterations_are_averaged_over_their_epoch(tool, dpk):
    found = tool.curve(RunLog(dpk[0]), 'dpk/cka_0', 'epoch')
    assert found == pytest.approx({1: 3 / 40, 2: 8 / 40, 3: 13 / 40})


def test_each_logged_iteration_can_be_shown(tool, dpk):
    found = tool.curve(RunLog(dpk[0]), 'dpk/cka_0', 'iteration')
    assert found == pytest.approx({i: i / 40 for i in range(1, 16)})


def test_what_a_resumed_run_did_again_replaces_the_first_time(tool, write_log):
    write_log('a', [train(1, x=1.0), train(2, x=5.0)])
    folder = write_log('a', [train(2, x=3.0)], '20260102_000000')
    assert tool.curve(RunLog(folder), 'x', 'epoch') == {1: 2.0}


def test_metrics_of_a_validation_stand_at_their_epoch(tool, dpk):
    assert tool.curve(RunLog(dpk[0]), 'accuracy/top1', 'epoch') == {3: 60.0}
    with pytest.raises(SystemExit, match='once an epoch: use --per epoch'):
        tool.curve(RunLog(dpk[0]), 'accuracy/top1', 'iteration')


def test_a_run_without_epochs_is_shown_by_iteration(tool, write_log):
    folder = write_log('a', [dict(step=i, iter=i, x=float(i)) for i in (1, 2)])
    assert tool.curve(RunLog(folder), 'x', 'epoch') == {1: 1.0, 2: 2.0}


def test_a_pattern_gives_a_row_and_a_value_a_panel(tool, dpk):
    logs = dict(zip('ab', map(RunLog, dpk)))
    first, second = tool.rows(logs, ['*/cka*', 'dpk/ratio_0'], 'epoch')
    assert {name: list(curves) for name, curves in first.items()} == {
        'dpk/cka': ['b'],
        'dpk/cka_0': ['a'],
        'dpk/cka_1': ['a'],
    }
    assert list(second) == ['dpk/ratio_0']


def test_an_unknown_value_lists_the_known_ones(tool, dpk):
    with pytest.raises(SystemExit, match=r'`\*/hsic`. Logged: dpk/cka, loss'):
        tool.rows(dict(a=RunLog(dpk[1])), ['*/hsic'], 'epoch')


def test_of_the_default_what_was_logged_is_drawn(tool, write_log, tmp_path):
    def rows(*names):
        records = [train(1, **dict.fromkeys(names, 0.5))]
        folder = write_log('-'.join(names).replace('/', '_'), records)
        found = tool.rows(dict(a=RunLog(folder)), None, 'epoch')
        # As the command line has it.
        tool.main([str(folder), '--out', str(tmp_path / 'a.png')])
        return [list(row) for row in found]

    assert rows('dpk/ratio', 'loss') == [['dpk/ratio']]
    assert rows('dpk/cka_0', 'dpk/cka_1') == [['dpk/cka_0', 'dpk/cka_1']]
    # Of a transfer that is called `loss`.
    assert rows('cka', 'ratio') == [['cka'], ['ratio']]
    with pytest.raises(SystemExit, match=r'logged \*/cka\* or \*/ratio\*; .*: loss'):
        rows('loss')


def test_the_figure_has_both_runs_side_by_side(tool, dpk, tmp_path, capsys):
    out = tmp_path / 'new' / 'dpk.png'
    tool.main([*map(str, dpk), '--out', str(out)])
    assert str(out) in capsys.readouterr().out
    assert has(out, '#0072B2') and has(out, '#D55E00')
    tool.main([str(dpk[0]), '--out', str(out)])
    assert has(out, '#0072B2') and not has(out, '#D55E00')


def test_a_single_stage_has_its_panels_in_one_row(tool, write_log, tmp_path):
    values = {'dpk/cka': 0.4, 'dpk/ratio': 0.6}
    folder = write_log('a', [train(i, **values) for i in range(1, 11)])
    sizes = []
    for keys in (['*/cka'], ['*/cka', '*/ratio']):
        tool.main([str(folder), '--out', str(tmp_path / 'a.png'), '--keys', *keys])
        sizes.append(cv2.imread(str(tmp_path / 'a.png')).shape)
    assert sizes[0][0] == sizes[1][0] and sizes[0][1] < sizes[1][1]


def test_rows_of_positive_values_may_have_logarithmic_axes(
    tool, write_log, tmp_path, monkeypatch
):
    scales = []
    set_axes = Axes.set
    monkeypatch.setattr(
        Axes, 'set', lambda *a, **k: (scales.append(k.get('yscale')), set_axes(*a, **k))
    )
    names = ('emd/share', 'kld/share', 'emd/cos', 'kld/cos')
    records = [train(i, **dict(zip(names, (0.01, 20.0, -0.5, 0.9)))) for i in (1, 6)]
    given = [str(write_log('a', records)), '--out', str(tmp_path / 'a.png')]
    given += ['--keys', '*/share', '*/cos']
    tool.main([*given, '--log'])
    assert scales == ['log', 'log', 'linear', 'linear']
    tool.main(given)
    assert scales[4:] == ['linear'] * 4


@pytest.mark.parametrize(
    'options, message',
    [
        (['--out', 'a.svg'], 'must end with .png'),
        (['--out', 'a.png', '--labels', 'a'], '1 --labels for 2 runs'),
        (['--out', 'a.png', '--labels', 'a', 'a'], 'must differ'),
    ],
)
def test_wrong_options_are_refused(tool, dpk, options, message, capsys):
    with pytest.raises(SystemExit):
        tool.main([*map(str, dpk), *options])
    assert message in capsys.readouterr().err


def test_runs_that_count_otherwise_are_not_mixed(tool, dpk, write_log, tmp_path):
    other = write_log('iterations', [dict(step=1, iter=1, **{'dpk/cka': 0.1})])
    with pytest.raises(SystemExit, match='plot them apart'):
        tool.main([str(dpk[1]), str(other), '--out', str(tmp_path / 'a.png')])


def test_a_folder_without_a_log_is_named(tool, tmp_path):
    with pytest.raises(SystemExit, match='holds no log'):
        tool.main([str(tmp_path), '--out', str(tmp_path / 'a.png')])


def test_teacher_and_student_stand_in_one_panel(tool, write_log, tmp_path, capsys):
    """Of runs that logged nothing of DPK."""
    records = [
        train(1, **{'student/loss_cls': 1.0, 'kld/share': 0.5}),
        *(
            dict(
                step=epoch,
                **{
                    'teacher/coco/bbox_mAP': 0.5,
                    'teacher/coco/bbox_mAP_50': 0.7,
                    'student/coco/bbox_mAP': 0.1 * epoch,
                    'student/coco/bbox_mAP_50': 0.2 * epoch,
                },
            )
            for epoch in (1, 2, 3)
        ),
    ]
    run = write_log('dkd', records)
    metric, panels = tool.streams_metric({'dkd': RunLog(run)})
    assert metric == 'coco/bbox_mAP' and list(panels['dkd']) == ['teacher', 'student']
    assert panels['dkd']['student'] == pytest.approx({1: 0.1, 2: 0.2, 3: 0.3})
    tool.main([str(run), '--out', str(tmp_path / 'a.png')])
    assert has(tmp_path / 'a.png', '#999999') and has(tmp_path / 'a.png', '#0072B2')
    other = write_log('plain', [dict(step=1, **{'coco/bbox_mAP': 0.1})])
    with pytest.raises(SystemExit, match='nor a metric of several streams'):
        tool.main([str(other), '--out', str(tmp_path / 'b.png')])


def test_the_metric_of_a_run_that_counts_iterations(tool, write_log):
    names = ('teacher', 'student')
    records = [
        *(dict({f'{n}/grad_norm': 1.0 for n in names}, iter=i, step=i) for i in (1, 2)),
        *(dict({f'{n}/mIoU': 0.5 for n in names}, step=i) for i in (10, 20)),
    ]
    metric, panels = tool.streams_metric({'a': RunLog(write_log('a', records))})
    assert metric == 'mIoU' and list(panels['a']) == list(names)


def test_the_time_of_a_step_is_not_that_of_a_validation(tool, write_log):
    records = [train(1, time=0.5), train(2, time=0.7), dict(step=1, time=9.0)]
    log = RunLog(write_log('a', records))
    assert tool.curve(log, 'time', 'iteration') == {1: 0.5, 2: 0.7}


def test_the_metric_of_streams_has_no_iterations(tool, write_log, tmp_path):
    values = {'teacher/acc': 0.5, 'student/acc': 0.4}
    run = write_log('a', [train(1, loss=1.0), dict(values, step=1)])
    out = tmp_path / 'a.png'
    with pytest.raises(SystemExit, match='`acc` was measured once an epoch'):
        tool.main([str(run), '--per', 'iteration', '--out', str(out)])
    tool.main([str(run), '--log', '--out', str(out)])
    assert out.is_file()
