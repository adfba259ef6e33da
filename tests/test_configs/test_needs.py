# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""All that a config needs can be had: data, weights, and what is trained before."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = ('mmpretrain', 'mmdet', 'mmaction')


@pytest.fixture(scope='module')
def tool(import_analysis_tool):
    return import_analysis_tool('config_needs')


@pytest.fixture(scope='module')
def needs(tool, import_analysis_tool, read):
    """What every config needs."""
    read_streams = import_analysis_tool('plain_streams').read_streams

    def resolve(cfg, name):
        return read_streams(cfg, keep_weights=True)[name].model

    return tool.read_needs(tool.config_names(), read, resolve)


def installed(library: str) -> Path:
    """Folder of the configs that come with a library."""
    folder = Path(find_spec(library).submodule_search_locations[0]) / '.mim'
    assert folder.is_dir(), f'{library} was installed without its configs'
    return folder


@cache
def published() -> dict:
    """Metrics of all weights that the installed metafiles list, by their address."""
    found = {}
    for library in LIBRARIES:
        for file in installed(library).rglob('metafile.yml'):
            metafile = yaml.safe_load(file.read_text(encoding='utf-8'))
            models = (
                metafile.get('Models', []) if isinstance(metafile, dict) else metafile
            )
            for model in models or []:
                weights = model.get('Weights')
                results = model.get('Results') or []
                metrics = {}
                for result in results if isinstance(results, list) else [results]:
                    metrics.update(result.get('Metrics') or {})
                for path in weights if isinstance(weights, list) else [weights]:
                    found[path] = metrics
    return found


#: What READMEs say of published weights that configs start from.
QUOTED = [
    ('dkd/fcos_r50_r50half_coco', 'teacher', 'box AP', 36.6),
    ('dkd/mask-rcnn_swin-s_swin-t_coco', 'teacher', 'box AP', 48.2),
    ('dpk/convnext-l_convnext-e_in1k', 'teacher', 'Top 1 Accuracy', 86.61),
    ('dpk/convnext-l_convnext-e_in1k', 'teacher', 'Top 5 Accuracy', 98.04),
]


@pytest.mark.parametrize(('name', 'stream', 'metric', 'value'), QUOTED)
def test_readmes_quote_metafiles_as_they_are(name, stream, metric, value, read):
    assert published()[read(name).model.streams[stream].checkpoint][metric] == value
    readme = (ROOT / 'configs' / name.split('/')[0] / 'README.md').read_text()
    assert str(value) in readme


def test_the_page_is_as_the_configs_are(needs, tool):
    page = tool.PAGE.read_text(encoding='utf-8')
    assert tool.with_tables(page, needs) == page, (
        'run tools/analysis_tools/config_needs.py'
    )


def test_all_configs_are_there(needs):
    files = {
        f'{file.parent.name}/{file.stem}'
        for file in (ROOT / 'configs').glob('[!_]*/*.py')
    }
    assert set(needs) == files


def test_data_that_a_config_names_are_explained(needs, tool):
    page = tool.PAGE.read_text(encoding='utf-8').partition('## Data')[2]
    table = page[: page.index('<!-- written')]
    rows = [line for line in table.splitlines() if line.startswith('| ')]
    for name, own in needs.items():
        assert own.data, name
        for data in own.data:
            # `UMDFaces, UCCS` share a row.
            assert any(data in row.split('|')[1] for row in rows), data


def test_weights_are_in_a_metafile_or_in_the_librarys_own_config(needs):
    texts = {}
    for name, own in needs.items():
        for path in own.weights:
            if path in published() or path.startswith('checkpoints/'):
                continue
            # The library's configs, from which ours inherit, start from these.
            library = 'mmdet'
            if library not in texts:
                files = (installed(library) / 'configs').rglob('*.py')
                texts[library] = '\n'.join(file.read_text() for file in files)
            address = path.replace('resnet152', 'resnet101')  # as MMDetection's R101
            assert f"'{address}'" in texts[library], f'{name}: {path}'


def test_converted_weights_are_what_a_converter_is_said_to_write(needs, tool):
    pages = [own for own in (ROOT / 'docs').rglob('*.md') if own != tool.PAGE]
    pages += (ROOT / 'configs').glob('*/README.md')
    pages += (ROOT / 'tools/model_converters').glob('*.py')
    text = '\n'.join(page.read_text(encoding='utf-8') for page in pages)
    found = {p for own in needs.values() for p in own.weights if 'checkpoints/' in p}
    assert found
    for path in found:
        assert path in text, path
        assert (ROOT / tool.origin(path).strip('`')).is_file()


def test_what_is_trained_first_is_in_its_order(needs):
    assert needs['dpk/resnet34_resnet18_takd_in1k'].first == [
        'dpk/resnet101_resnet50_takd_in1k',
        'dpk/resnet50_resnet34_takd_in1k',
    ]
    assert needs['ekd/resnet50_resnet18_kd-tg-sg_cifar100'].first == [
        'ekd/resnet50-guided_cifar100'
    ]
    assert needs['dpk/wrn16-2_linear_stl10'].first == [
        'baselines/wrn40-2_240e_cifar100',
        'dpk/wrn40-2_wrn16-2_cifar100',
    ]
    # Who inherits a teacher inherits what it needs.
    for name, own in needs.items():
        for before in own.first:
            assert needs[before].first == [
                one for one in own.first if one in needs[before].first
            ], name


def test_a_file_that_nothing_writes_is_found(tool, import_analysis_tool, read):
    read_streams = import_analysis_tool('plain_streams').read_streams

    def misspelt(name):
        cfg = read(name)
        cfg.model.streams.teacher.checkpoint = 'work_dirs/resnet18_digits/last.pth'
        return cfg

    with pytest.raises(KeyError, match='last.pth, which no config writes'):
        tool.read_needs(
            ['dkd/resnet18_resnet18half_digits'],
            misspelt,
            lambda cfg, name: read_streams(cfg)[name].model,
        )
