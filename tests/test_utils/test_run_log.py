# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import json

import pytest

from dynkd.utils import RunLog


def write(folder, records, tail=''):
    path = folder / 'vis_data' / 'scalars.json'
    path.parent.mkdir(parents=True)
    path.write_text('\n'.join(map(json.dumps, records)) + tail)


def test_a_resumed_run_replaces_what_it_did_again(tmp_path):
    write(
        tmp_path / '20260101_000000',
        [dict(step=1, loss=3.0), dict(step=2, loss=2.0), dict(step=3, loss=9.0)],
    )
    write(
        tmp_path / '20260102_000000', [dict(step=3, loss=1.0), dict(step=4, loss=0.5)]
    )
    assert RunLog(tmp_path).curve('loss') == {1: 3.0, 2: 2.0, 3: 1.0, 4: 0.5}


def test_half_a_line_of_a_killed_run_is_skipped(tmp_path):
    write(tmp_path / 'a', [dict(step=1, loss=3.0)], tail='\n{"step": 2, "lo')
    assert RunLog(tmp_path).curve('loss') == {1: 3.0}


def test_records_of_other_scalars_are_left_out(tmp_path):
    write(tmp_path / 'a', [dict(step=1, loss=3.0), dict(step=1, mAP=0.5)])
    assert RunLog(tmp_path).curve('mAP') == {1: 0.5}


def test_an_unknown_scalar_lists_the_known_ones(tmp_path):
    write(tmp_path / 'a', [dict(step=1, loss=3.0)])
    with pytest.raises(KeyError, match='mAP.*logged: loss, step'):
        RunLog(tmp_path).curve('mAP')


def test_a_directory_without_a_log(tmp_path):
    with pytest.raises(FileNotFoundError, match='no log'):
        RunLog(tmp_path)


@pytest.mark.parametrize(
    ('later', 'expected'),
    [
        # Begun anew, and shorter.
        ([dict(step=2, iter=2, epoch=1, loss=0), dict(step=1, mAP=0.5)], {1: 0.5}),
        # Resumed in the third epoch, and stopped before its end.
        ([dict(step=21, iter=21, epoch=3, loss=0)], {1: 0.1, 2: 0.2}),
        # Resumed before anything was logged, or only validated.
        ([], {1: 0.1, 2: 0.2, 3: 0.3}),
        ([dict(step=3, mAP=0.4)], {1: 0.1, 2: 0.2, 3: 0.4}),
    ],
)
def test_another_training_replaces_what_it_did_not_repeat(tmp_path, later, expected):
    epochs = [
        record
        for epoch in (1, 2, 3)
        for record in (
            dict(step=10 * epoch, iter=10 * epoch, epoch=epoch, loss=1.0),
            dict(step=epoch, mAP=epoch / 10),
        )
    ]
    write(tmp_path / '20260101_000000', epochs)
    write(tmp_path / '20260102_000000', later)
    assert RunLog(tmp_path).curve('mAP') == pytest.approx(expected)


def test_iterations_are_counted_alike(tmp_path):
    """In a run without epochs, metrics have the iteration as their step."""
    earlier = [dict(step=i, iter=i, loss=1.0) for i in (10, 20, 30)]
    write(tmp_path / 'a', [*earlier, dict(step=15, mAP=0.1), dict(step=30, mAP=0.3)])
    write(tmp_path / 'b', [dict(step=20, iter=20, loss=2.0)])
    assert RunLog(tmp_path).curve('loss') == {10: 1.0, 20: 2.0}
    assert RunLog(tmp_path).curve('mAP') == {15: 0.1}
