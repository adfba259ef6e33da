# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The pinned versions."""

import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != 'linux', reason='set-up is for Linux')


@pytest.mark.parametrize('minor', [11, 12, 13])
@pytest.mark.parametrize('stack', ['openmmlab', 'onedl'])
def test_pins_are_complete_and_in_one_file_each(environment, monkeypatch, minor, stack):
    pins = environment.pins
    monkeypatch.setattr(sys, 'version_info', (3, minor, 0))
    names = ['build.txt', 'torch.txt', 'packages.txt', f'{stack}.txt']
    groups = [pins.read_pins(name) for name in names]
    every = pins.all_pins(stack)
    assert sum(len(group) for group in groups) == len(every)
    expected = ('2.13.0', '0.28.0') if minor == 11 else ('2.14.1', '0.29.1')
    assert (every['torch'], every['torchvision']) == expected
    assert 'opencv-python' not in every and pins.STACKS[stack] in every


def test_without_ops_mmcv_is_its_lite_release(environment):
    with_ops, without = (environment.pins.stack_pins('openmmlab', o) for o in (1, 0))
    assert with_ops.pop('mmcv') == without.pop('mmcv-lite')
    assert with_ops == without


def test_line_that_is_no_pin_is_quoted(environment, monkeypatch, tmp_path):
    (tmp_path / 'x.txt').write_text('torch==2.13.0; sys_platform == "linux"\n')
    monkeypatch.setattr(environment.pins, 'PINNED', tmp_path)
    with pytest.raises(ValueError, match='sys_platform.* is not a pin'):
        environment.pins.read_pins('x.txt')
