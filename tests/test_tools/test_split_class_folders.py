# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Subjects of a face data set are chosen, and their images split."""

import pytest

#: How many images each subject has.
SUBJECTS = dict(ann=1, ben=2, cid=3, dot=6, eve=8)


@pytest.fixture(scope='module')
def tool(import_converter):
    return import_converter('split_class_folders')


@pytest.fixture
def faces(tmp_path):
    root = tmp_path / 'faces'
    for name, number in SUBJECTS.items():
        for index in range(number):
            path = root / name / f'day{index % 2}' / f'{index}.jpg'
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(f'{name} {index}'.encode())
    (root / 'fay').mkdir()
    (root / 'ann' / 'notes.txt').write_text('no image')
    return root


def contents(folder):
    """Images of a folder, by their places."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob('*')
        if path.is_file()
    }


def test_all_images_are_in_one_of_both(tool, faces, tmp_path):
    out = tmp_path / 'out'
    assert tool.split(faces, out, held_out=7) == (13, 7)
    first, second = contents(out / 'train'), contents(out / 'val')
    assert (len(first), len(second)) == (13, 7)
    images = contents(faces)
    images.pop('ann/notes.txt')
    assert {**first, **second} == images
    assert not set(first) & set(second)
    for name, number in SUBJECTS.items():
        assert (out / 'train' / name).is_dir() and (out / 'val' / name).is_dir()
        assert any(path.startswith(name) for path in first)
        assert any(path.startswith(name) for path in second) == (number > 1)


def test_subjects_are_a_matter_of_the_seed(tool, faces, tmp_path, capsys):
    def run(name, seed):
        arguments = [str(faces), str(tmp_path / name), '--classes', '3']
        arguments += [
            '--held-out',
            '3',
            '--names',
            'train',
            'test',
            '--seed',
            str(seed),
        ]
        assert tool.main(arguments) == 0
        return contents(tmp_path / name / 'train'), contents(tmp_path / name / 'test')

    found = [run(f'out{index}', seed) for index, seed in enumerate((5, 5, 6, 7, 8))]
    assert found[0] == found[1]
    assert len({str(sorted(own[0])) for own in found}) > 1
    for train, test in found:
        chosen = {path.split('/')[0] for path in train}
        assert len(chosen) == 3 and len(test) == 3
        assert {path.split('/')[0] for path in test} <= chosen
    assert f'{tmp_path / "out0" / "test"}: 3 images' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (
            ['--classes', '6', '--held-out', '5'],
            'there are 5 classes, fewer than the 6',
        ),
        (['--held-out', '3'], 'cannot be held out: of these 5 classes it is between 4'),
        (['--held-out', '16'], 'between 4 and 15'),
    ],
)
def test_what_cannot_be_chosen(arguments, message, tool, faces, tmp_path, capsys):
    out = tmp_path / 'out'
    assert tool.main([str(faces), str(out), *arguments]) == 1
    assert message in capsys.readouterr().err
    assert not out.exists()


def test_a_folder_without_images(tool, tmp_path, capsys):
    assert tool.main([str(tmp_path), str(tmp_path / 'out'), '--held-out', '1']) == 1
    assert 'has no folders with images' in capsys.readouterr().err
