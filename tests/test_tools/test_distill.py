# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The options of ``distill.py`` that cannot be together."""

import pytest


@pytest.fixture
def parse(import_tool, monkeypatch):
    tool = import_tool('distill')

    def call(*words):
        monkeypatch.setattr('sys.argv', ['distill.py', 's.py', *words])
        return tool.parse_args()

    return call


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['--dump', 's.py'], 's.py: this file is read'),
        (['--teacher', 't.py', '--dump', './t.py'], 't.py: this file is read'),
        (['--dump', 'made.txt'], 'must end with .py'),
        (['--dump', 'made.py', '--amp'], '--amp: --dump does not train'),
        (
            [
                '--dump',
                'made.py',
                '--work-dir',
                'x',
                '--resume',
                '--cfg-options',
                'a=1',
            ],
            '--resume, --work-dir, --cfg-options: --dump does not train',
        ),
    ],
)
def test_a_dump_replaces_nothing_and_trains_nothing(parse, capsys, words, message):
    with pytest.raises(SystemExit) as ended:
        parse(*words)
    assert ended.value.code == 2 and message in capsys.readouterr().err


def test_other_options_go_together(parse):
    assert parse('--dump', 'made.py', '--method', 'kd').dump == 'made.py'
    assert parse('--amp', '--work-dir', 'x').work_dir == 'x'
