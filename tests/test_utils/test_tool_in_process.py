# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""How tools end, in this process: what they do to it is only noted."""

import os
import signal

import pytest
import torch

from dynkd.compat import CheckpointError
from dynkd.utils.tool import run_tool

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)


@pytest.fixture(autouse=True)
def killed(monkeypatch):
    """Which signals the process sent itself; afterwards all signals are as before."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    # A shell in the background has its programs ignore it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sent = []
    monkeypatch.setattr(os, 'kill', lambda process, number: sent.append(number))
    monkeypatch.setattr('sys.argv', ['/somewhere/tool.py'])
    monkeypatch.delenv('RANK', raising=False)
    yield sent
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number, handler in before.items():
        signal.signal(number, handler)


def fail(error):
    raise error


@pytest.mark.parametrize(
    ('number', 'name'), [(signal.SIGTERM, 'SIGTERM'), (signal.SIGINT, 'Ctrl-C')]
)
def test_it_ends_by_the_signal_that_stopped_it(killed, capsys, number, name):
    # The signal that would end it is caught above, so that it goes on.
    with pytest.raises(AssertionError, match='the signal has ended the process'):
        run_tool(lambda: signal.raise_signal(number), lambda: 'go on with: it')
    assert capsys.readouterr().err == f'tool.py: stopped by {name}; go on with: it\n'
    assert killed == [number]
    assert signal.getsignal(number) is signal.SIG_DFL
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_without_a_hint_it_only_says_that_it_was_stopped(capsys):
    with pytest.raises(AssertionError):
        run_tool(lambda: signal.raise_signal(signal.SIGTERM))
    assert capsys.readouterr().err == 'tool.py: stopped by SIGTERM\n'


def test_a_signal_that_is_ignored_stays_so():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ran = []
    run_tool(lambda: ran.append(signal.raise_signal(signal.SIGINT)))
    assert ran == [None]
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_a_process_that_was_forked_from_it_ends_in_the_usual_way(killed, monkeypatch):
    def main():
        monkeypatch.setattr(os, 'getpid', lambda: 1)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert killed == []
        signal.raise_signal(signal.SIGTERM)
        assert killed == [signal.SIGTERM]
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL

    run_tool(main)


@pytest.mark.parametrize(
    ('rank', 'error', 'said'),
    [
        ('0', CheckpointError('x.pth is none.'), 'tool.py: x.pth is none.\n'),
        ('1', CheckpointError('x.pth is none.'), ''),
        ('1', RuntimeError('NCCL error'), 'another process of this run has ended'),
    ],
)
def test_what_users_can_mend_is_said_once(monkeypatch, capsys, rank, error, said):
    monkeypatch.setenv('RANK', rank)
    with pytest.raises(SystemExit) as end:
        run_tool(lambda: fail(error))
    assert end.value.code == 1
    text = capsys.readouterr().err
    assert said in text and text.count('\n') == bool(said)


def test_other_errors_are_shown_as_they_are(capsys):
    with pytest.raises(KeyError):
        run_tool(lambda: fail(KeyError('unexpected')))
    assert capsys.readouterr().err == ''


def test_one_of_several_processes_ends_at_once(monkeypatch):
    # Gloo's threads may abort a process that ends in the ordinary way.
    ended = []
    monkeypatch.setattr(torch.distributed, 'is_initialized', lambda: True)
    monkeypatch.setattr(os, '_exit', ended.append)
    with pytest.raises(SystemExit):
        run_tool(lambda: fail(CheckpointError('x.pth is none.')))
    assert ended == [1]
