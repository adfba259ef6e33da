# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Files are replaced as a whole."""

import os

import pytest

from dynkd.utils.atomic import PARTIAL, replacing


@pytest.mark.parametrize('shared', [False, True])
def test_a_file_that_cannot_be_replaced_stays_and_is_alone(
    tmp_path, monkeypatch, shared
):
    def full(source, target):
        raise OSError(28, 'No space left on device')

    file = tmp_path / 'kept'
    file.write_text('before')
    monkeypatch.setattr(os, 'replace', full)
    with pytest.raises(OSError, match='No space.*kept'):
        with replacing(file, shared=shared) as stream:
            stream.write(b'after')
    assert [path.name for path in tmp_path.iterdir()] == ['kept']
    assert file.read_text() == 'before'


def test_two_that_write_at_a_time(tmp_path):
    file = tmp_path / 'shared'
    with replacing(file, shared=True) as first:
        first.write(b'first')
        with replacing(file, shared=True) as second:
            second.write(b'second')
        assert file.read_text() == 'second'
    assert file.read_text() == 'first'
    assert not list(tmp_path.glob(f'*{PARTIAL}'))


def test_one_that_is_alone_has_a_name_that_can_be_found(tmp_path):
    with replacing(tmp_path / 'epoch_1.pth'):
        assert (tmp_path / f'epoch_1.pth{PARTIAL}').exists()
