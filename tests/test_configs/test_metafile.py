# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The metafiles list every config, and call the paper's figures the paper's."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
METHODS = ['dkd', 'ekd', 'dtskd', 'iakd', 'dpk']
TEACHER = 'model.streams.teacher'
FOLDERS = [*METHODS, 'kd', 'several', 'baselines']


def entries(folder: str) -> list:
    """The models of a metafile."""
    text = (ROOT / 'configs' / folder / 'metafile.yml').read_text()
    return yaml.safe_load(text)['Models']


@pytest.mark.parametrize('folder', FOLDERS)
def test_every_config_is_listed_once(folder):
    listed = [entry['Config'] for entry in entries(folder)]
    files = (ROOT / 'configs' / folder).glob('*.py')
    assert sorted(listed) == sorted(f'configs/{folder}/{file.name}' for file in files)
    names = [entry['Name'] for folder in FOLDERS for entry in entries(folder)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize('folder', FOLDERS)
def test_there_are_no_results_of_ours(folder):
    for entry in entries(folder):
        assert 'Results' not in entry
        assert 'Weights' not in entry
        figures = entry['Metadata'].get('Paper figures')
        if figures is not None:
            assert {'Table', 'Metric'} < set(figures)
            assert re.match(r'^(I|II|III|IV|V|VI|VII|\d+)\b', figures['Table'])


def test_collections_have_a_readme_that_exists():
    for folder in FOLDERS:
        text = (ROOT / 'configs' / folder / 'metafile.yml').read_text()
        collections = yaml.safe_load(text)['Collections']
        known = {collection['Name'] for collection in collections}
        assert all(
            (ROOT / collection['README']).is_file() for collection in collections
        )
        assert {entry['In Collection'] for entry in entries(folder)} == known


def figures(*folders: str) -> set:
    """Tables and values of the papers' figures in the metafiles of folders."""
    return {
        (entry['Metadata']['Paper figures']['Table'].split(',')[0], value)
        for folder in folders
        for entry in entries(folder)
        if 'Paper figures' in entry['Metadata']
        for key, value in entry['Metadata']['Paper figures'].items()
        if key not in ('Table', 'Metric')
    }


def test_every_row_of_dkds_tables_has_a_config():
    expected = (
        {('I', 70.9), ('I', 70.6), ('I', 64.7)}
        | {('II', value) for value in (70.3, 76.8, 76.5, 65.3, 64.7, 64.1, 72.2)}
        | {('II', value) for value in (71.9, 71.7, 78.7, 73.8, 76.6)}
        | {('III', value) for value in (28.3, 30.8, 29.8, 27.5)}
        | {('IV', value) for value in (23.9, 35.4, 36.0, 25.0, 24.7, 25.8, 26.1)}
        | {('V', value) for value in (81.7, 83.4, 81.4, 83.1)}
        | {('VI', value) for value in (44.1, 46.5, 43.9, 46.0)}
        | {('VII', value) for value in (75.9, 73.5, 78.9, 79.6, 76.1, 79.7)}
        | {('VII', value) for value in (95.7, 95.2, 96.7, 97.2, 95.9, 97.3)}
    )
    assert expected <= figures('dkd', 'baselines')


def test_every_column_of_ekds_tables_has_a_config():
    expected = (
        {('I', v) for v in (74.12, 74.52, 82.05, 80.74, 81.91, 82.48, 82.53)}
        | {('II', value) for value in (73.82, 73.18, 75.26, 73.61, 74.05)}
        | {('III', 76.86), ('III', 79.28), ('IV', 69.46), ('IV', 68.18), ('VI', 93.85)}
        | {('V', value) for value in (77.57, 79.71, 78.85, 81.34, 80.01)}
    )
    assert figures('ekd') == expected
    alone = (
        {('I of EKD', v) for v in (74.17, 70.76, 78.71, 76.61, 80.05, 80.24)}
        | {('II of EKD', value) for value in (69.21, 66.18, 70.48)}
        | {('III of EKD', 73.81), ('III of EKD', 75.88), ('IV of EKD', 65.3)}
    )
    assert alone <= figures('baselines')


def test_rows_of_other_methods_have_a_config_for_a_pair_of_each_table():
    expected = (
        {('I of EKD', v) for v in (76.59, 76.82, 78.44, 78.21, 78.71, 77.71, 78.92)}
        | {('II of EKD', v) for v in (71.17, 70.59, 71.62, 72.74, 71.03, 73.07)}
        | {('II of EKD', v) for v in (71.75, 73.17)}
        | {('III of EKD', 74.67), ('III of EKD', 77.5)}
        | {('IV of EKD', value) for value in (67.79, 67.82, 67.72, 68.19)}
        | {('1 of DTSKD', 78.21), ('1 of DTSKD', 75.56)}
    )
    assert figures('kd') == expected


def test_every_row_of_dtskds_tables_has_a_config():
    expected = (
        {('1', value) for value in (74.03, 76.72, 80.46, 81.49, 80.56, 74.3)}
        | {('3', 70.39), ('3', 72.98), ('4', 79.93), ('4', 78.26)}
        | {('6', value) for value in (76.15, 79.8, 73.16, 75.27, 79.08, 73.01)}
        | {('7', value) for value in (70.68, 73.16, 77.87, 74.13)}
        | {('8', value) for value in (76.38, 80.2, 76.42, 80.29)}
        | {('9', value) for value in (79.55, 79.48, 79.61, 80.04, 80.46)}
        | {('9', value) for value in (75.43, 75.81, 75.33, 76.13, 76.72)}
        | {('9', value) for value in (74.07, 73.95, 73.61, 74.12, 74.3)}
        | {('10', value) for value in (80.28, 80.45, 80.32, 80.29)}
        | {('10', value) for value in (80.07, 80.24, 79.62, 79.42, 79.46)}
        | {('11', value) for value in (76.68, 76.44, 76.5, 81.14, 81.22, 81.27)}
        | {('12', value) for value in (79.12, 79.17, 79.22, 79.23)}
    )
    assert expected <= figures('dtskd')
    alone = (69.32, 73.07, 76.27, 79.22, 78.67, 70.77)
    assert {('1 of DTSKD', value) for value in alone} <= figures('baselines')


def test_every_figure_of_iakds_tables_has_a_config():
    expected = (
        {('1', value) for value in (92.55, 92.71, 92.77, 69.54, 69.74, 70.18)}
        | {('2', value) for value in (66.55, 66.53, 67.15, 69.6, 68.98, 69.8)}
        | {('2', value) for value in (70.21, 69.96, 70.94, 66.13, 66.47, 68.25)}
        | {('2', value) for value in (72.21, 72.35, 73.0)}
        | {('3', value) for value in (92.1, 92.05, 92.11, 92.18, 92.28, 92.31, 92.37)}
        | {('4', 69.2), ('4', 68.68), ('5', 92.81), ('5', 69.85)}
        | {('7', value) for value in (92.9, 93.31, 69.59, 71.02, 50.25, 53.28, 53.5)}
        | {('9', value) for value in (65.55, 66.11, 70.63, 70.51, 71.09, 71.76)}
        | {('9', value) for value in (68.58, 68.65)}
    )
    assert figures('iakd') == expected
    alone = (
        {('1 of IAKD', value) for value in (92.91, 92.01, 71.07, 68.94)}
        | {('2 of IAKD', value) for value in (65.92, 72.32, 68.91, 72.74, 68.84)}
        | {('2 of IAKD', value) for value in (72.79, 67.11, 73.13, 71.6)}
        | {('5 of IAKD', 93.49), ('5 of IAKD', 72.04), ('9 of IAKD', 75.15)}
        | {('7 of IAKD', 55.73), ('7 of IAKD', 50.04)}
    )
    assert alone <= figures('baselines')


def test_a_figure_that_two_tables_print_is_of_one_student():
    """ShuffleNet-v1 of IAKD's Tables 2(d) and 9(d): 67.11 alone, 68.25 by IAKD-R."""
    for folder, value in (('baselines', 67.11), ('iakd', 68.25)):
        found = [
            entry['Config']
            for entry in entries(folder)
            if value in entry['Metadata'].get('Paper figures', {}).values()
        ]
        assert len(found) == 1, found


def test_figures_of_dpk_are_those_of_its_text():
    expected = {('2', 72.51), ('11', 73.0), ('13', 82.6), ('17', 72.43)}
    expected |= {('4 (figure)', 71.8), ('11', 71.41)}
    assert figures('dpk') == expected


#: Methods that the papers' tables compare with.
RIVALS = dict(
    ekd='FitNet AT FT PKT RKD SP CC VID AB CRD Res-KD AFD DML CL-ILR Snapshot-KD ONE '
    'Self-KD OKDDip HORKD',
    dtskd='BYOT DKS FRSKD CS-KD Tf-KD PS-KD MixSKD LS KD FitNet AT SP',
    iakd='AT FSP AB VID-I RKD-DA',
    dpk='AT OFD CRD ReviewKD KR',
)
#: Those with a config for a pair of these tables, beside those that are only compared.
_HERE = dict(
    ekd='FitNet AT PKT RKD SP VID CRD DML', dtskd='BYOT', dpk='AT CRD ReviewKD'
)


@pytest.mark.parametrize('folder', RIVALS)
def test_rows_of_other_methods_are_named(folder):
    """And which of them have a config."""
    readme = (ROOT / 'configs' / folder / 'README.md').read_text()
    (said,) = re.findall(r'^The tables also compare.*?(?=\n\n)', readme, re.M | re.S)
    said, none, _ = ' '.join(said.split()).partition('DynKD has none of')
    assert none
    named = re.findall(r'[\w-]+', said)
    assert not [name for name in RIVALS[folder].split() if name not in named]
    here = re.search(r'\. ([^.]*?) ha(?:s|ve) \[configs', said)
    assert (re.findall(r'[A-Z][\w-]+', here[1]) if here else []) == _HERE.get(
        folder, ''
    ).split()
    kinds = {'FitNet': 'fitnets'}
    for name in _HERE.get(folder, '').split():
        kind = kinds.get(name, name.lower())
        assert list((ROOT / 'configs' / 'kd').glob(f'*_{kind}_cifar100.py')), name


@pytest.mark.parametrize('folder', METHODS)
def test_runs_with_other_options_have_a_folder_of_their_own(folder):
    readme = (ROOT / 'configs' / folder / 'README.md').read_text()
    for section in readme.split('\n#'):
        options = re.findall(r'--cfg-options\s+([^`\n]*)', section)
        # Another teacher, PATH, for all that is trained is no run beside others.
        if any(not own.startswith(f'{TEACHER}.checkpoint=PATH') for own in options):
            assert '--work-dir' in section, options


@pytest.mark.parametrize('folder', METHODS)
def test_links_of_the_readme_lead_to_files(folder):
    readme = ROOT / 'configs' / folder / 'README.md'
    links = re.findall(r'\]\(([^)#]+)[^)]*\)', readme.read_text())
    local = [link for link in links if '://' not in link]
    assert len(local) > 10
    for link in local:
        assert (readme.parent / link).exists(), link


@pytest.mark.parametrize('folder', METHODS)
def test_the_readme_links_to_every_config(folder):
    readme = (ROOT / 'configs' / folder / 'README.md').read_text()
    for file in (ROOT / 'configs' / folder).glob('*.py'):
        assert f'({file.name})' in readme, file.name
