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
