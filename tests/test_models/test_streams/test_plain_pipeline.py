# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import pytest

from dynkd.models.streams.plain_pipeline import names_dynkd, single_modality

SAMPLE = dict(type='SampleFrames', clip_len=16)
CROP = dict(type='CenterCrop', crop_size=96)
PAIRED = dict(type='dynkd.PairedTransforms', transforms=[CROP])
BOTH = dict(type='dynkd.PackModalities', modalities=('rgb', 'flow'))
PLAIN = dict(type='PackActionInputs')
LOADERS = {
    'raw frames': (
        [dict(type='RawFrameDecode'), dict(type='dynkd.LoadFlow')],
        [dict(type='RawFrameDecode')],
    ),
    'read by name': (
        [dict(type='dynkd.ReadClip', transforms=[dict(type='RawFrameDecode')])],
        [dict(type='RawFrameDecode')],
    ),
    'computed': ([dict(type='dynkd.ComputeFlow')], [dict(type='RawFrameDecode')]),
    'computed from videos': (
        [dict(type='DecordInit'), dict(type='dynkd.ComputeFlow', method='dis')],
        [dict(type='DecordInit'), dict(type='DecordDecode')],
    ),
    'decoded otherwise': (
        [dict(type='dynkd.ComputeFlow', decode=[dict(type='OpenCVDecode'), CROP])],
        [dict(type='OpenCVDecode'), CROP],
    ),
}


def loader(*steps: dict) -> dict:
    return dict(test_dataloader=dict(dataset=dict(pipeline=[SAMPLE, *steps])))


@pytest.mark.parametrize('kind', LOADERS)
def test_rgb_is_left_with_transforms_of_the_plain_library(kind):
    given, expected = LOADERS[kind]
    found = single_modality(loader(*given, PAIRED, BOTH), 'rgb')
    assert found == loader(*expected, CROP, PLAIN)
    assert not names_dynkd(found)


def test_flow_keeps_its_own_transforms():
    load = dict(type='dynkd.LoadFlow')
    found = single_modality(loader(load, PAIRED, BOTH), 'flow')
    assert found == loader(load, PAIRED, dict(BOTH, modalities='flow'))
    assert names_dynkd(found)


def test_other_pipelines_stay():
    cfg = loader(CROP, PLAIN)
    assert single_modality(cfg, 'rgb') == single_modality(cfg, 'flow') == cfg
    assert not names_dynkd(cfg)


def test_steps_that_were_imported_are_known():
    """As in MMEngine's Python style, where types are named by their modules."""
    pack = 'dynkd.datasets.pack_modalities.PackModalities'
    steps = [dict(type='DecordInit'), dict(type=pack, modalities=('rgb', 'flow'))]
    assert single_modality(steps, 'rgb')[-1] == dict(type='PackActionInputs')
    assert single_modality(steps, 'flow')[-1] == dict(type=pack, modalities='flow')
