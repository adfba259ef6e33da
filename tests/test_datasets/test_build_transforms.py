# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import subprocess
import sys

import pytest

from dynkd.datasets.compute_flow import ComputeFlow
from dynkd.datasets.pack_modalities import PackModalities
from dynkd.datasets.paired_transforms import PairedTransforms
from dynkd.datasets.read_clip import ReadClip


def test_mmaction2_is_imported_when_it_is_needed():
    """Data sets of images need no MMAction2, nor wait for it."""
    code = (
        'import sys, dynkd; from dynkd.registry import TRANSFORMS; '
        "TRANSFORMS.get('PairedTransforms'), TRANSFORMS.get('PackModalities'); "
        "TRANSFORMS.build(dict(type='LowResolution')); "
        "TRANSFORMS.build(dict(type='LoadFlow')); print('mmaction' in sys.modules)"
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert done.stdout.split() == ['False'], done.stderr


@pytest.mark.parametrize(
    'build',
    [
        lambda: PairedTransforms([dict(type='Flip')]),
        lambda: ReadClip(dict(type='DecordInit')),
        lambda: ComputeFlow('dis'),
        lambda: PackModalities(),
    ],
)
def test_without_mmaction2(build, monkeypatch):
    monkeypatch.setattr('dynkd.datasets.build_transforms.find_spec', lambda name: None)
    with pytest.raises(ImportError, match='MMAction2 is not installed: pip install'):
        build()


def test_transforms_of_other_libraries_have_a_prefix():
    read = ReadClip([dict(type='DecordInit'), dict(type='mmcv.Pad', size=(4, 4))])
    assert repr(read) == 'ReadClip(DecordInit, Pad)'
