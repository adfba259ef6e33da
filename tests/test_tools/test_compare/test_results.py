# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What comparisons keep of trainings: written by several, and found damaged."""

import os

import pytest

RESULTS = 'work_dirs/compare/mine/results'


@pytest.fixture
def stored(compare, project, modules):
    """Collect the result of a training that is done; where it is kept."""
    compare()
    comparison = modules['spec'].read(project / 'mine.py')
    out = project / 'work_dirs/compare/mine'
    first, *_ = modules['trainings'].trainings_of(comparison, project, out)
    store = modules['results'].ResultStore(project / RESULTS)
    return lambda: store.collect(first, comparison)


def test_two_commands_may_collect_the_same_at_a_time(stored, project, monkeypatch):
    replace = os.replace

    def overtaken(source, target):
        monkeypatch.setattr(os, 'replace', replace)
        stored()
        replace(source, target)

    before = sorted((project / RESULTS).iterdir())
    monkeypatch.setattr(os, 'replace', overtaken)
    assert stored().row == 'big one'
    assert sorted((project / RESULTS).iterdir()) == before


def test_a_file_that_cannot_be_replaced_stays_and_is_alone(
    modules, tmp_path, monkeypatch
):
    def full(source, target):
        raise OSError(28, 'No space left on device')

    (tmp_path / 'kept').write_text('before')
    monkeypatch.setattr(os, 'replace', full)
    with pytest.raises(OSError, match='No space'):
        modules['files'].write_whole(tmp_path / 'kept', 'after')
    assert [file.name for file in tmp_path.iterdir()] == ['kept']
    assert (tmp_path / 'kept').read_text() == 'before'
