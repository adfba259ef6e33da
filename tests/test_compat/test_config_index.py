# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The metafiles of a library are read once, however many of its configs are found."""

import pytest

pytest.importorskip('mmpretrain')

import mmengine.config.utils as utils  # noqa: E402
from mmengine.config import Config  # noqa: E402

BASES = """
_base_ = [
    'mmpretrain::_base_/default_runtime.py',
    'mmpretrain::_base_/schedules/cifar10_bs128.py',
]
"""


def test_metafiles_are_read_once(tmp_path):
    file = tmp_path / 'config.py'
    file.write_text(BASES)
    cfg = Config.fromfile(file)
    before = utils.load.cache_info()
    assert before.currsize > 10
    assert Config.fromfile(file).to_dict() == cfg.to_dict()
    after = utils.load.cache_info()
    assert after.misses == before.misses and after.hits > before.hits


def test_a_config_that_is_not_there_is_still_told_of(tmp_path):
    file = tmp_path / 'config.py'
    file.write_text("_base_ = 'mmpretrain::resnet/no-such-config.py'\n")
    for _ in range(2):
        with pytest.raises(Exception, match='no-such-config'):
            Config.fromfile(file)
