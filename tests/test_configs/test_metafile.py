# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The metafiles list every config, and call the paper's figures the paper's."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ['dkd', 'baselines']


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
            assert re.match(r'^(I|II|III|IV|V|VI)\b', figures['Table'])


def test_collections_have_a_readme_that_exists():
    for folder in FOLDERS:
        text = (ROOT / 'configs' / folder / 'metafile.yml').read_text()
        collections = yaml.safe_load(text)['Collections']
        known = {collection['Name'] for collection in collections}
        assert all(
            (ROOT / collection['README']).is_file() for collection in collections
        )
        assert {entry['In Collection'] for entry in entries(folder)} == known


def test_every_row_of_the_papers_tables_has_a_config():
    figures = [
        (entry['Metadata']['Paper figures']['Table'].split(',')[0], value)
        for folder in FOLDERS
        for entry in entries(folder)
        if 'Paper figures' in entry['Metadata']
        for key, value in entry['Metadata']['Paper figures'].items()
        if key not in ('Table', 'Metric')
    ]
    for expected in (
        {('I', 70.9), ('I', 70.6)}
        | {('II', value) for value in (70.3, 76.8, 76.5, 65.3, 64.7, 64.1, 72.2)}
        | {('II', value) for value in (71.9, 71.7, 78.7, 73.8, 76.6)}
        | {('III', value) for value in (28.3, 30.8, 29.8, 27.5)}
        | {('IV', value) for value in (23.9, 36.0, 25.0, 24.7, 25.8, 26.1)}
        | {('V', value) for value in (81.7, 83.4, 81.4, 83.1)}
        | {('VI', value) for value in (44.1, 46.5, 43.9, 46.0)}
    ):
        assert expected in figures


def test_links_of_the_readme_lead_to_files():
    readme = ROOT / 'configs' / 'dkd' / 'README.md'
    links = re.findall(r'\]\(([^)#]+)[^)]*\)', readme.read_text())
    local = [link for link in links if '://' not in link]
    assert len(local) > 10
    for link in local:
        assert (readme.parent / link).exists(), link
