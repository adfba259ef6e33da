# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""An image that cannot be read is named."""

import numpy as np
import pytest

mmcv = pytest.importorskip('mmcv')


def test_the_file_is_named(tmp_path):
    from mmcv.transforms import LoadImageFromFile

    good, empty = tmp_path / 'good.png', tmp_path / 'empty.png'
    mmcv.imwrite(np.full((4, 5, 3), 7, np.uint8), str(good))
    empty.touch()
    load = LoadImageFromFile()
    assert load(dict(img_path=str(good)))['img'].shape == (4, 5, 3)
    with pytest.raises(ValueError, match=r'the image .*empty\.png cannot be read'):
        load(dict(img_path=str(empty)))
    assert LoadImageFromFile(ignore_empty=True)(dict(img_path=str(empty))) is None
    with pytest.raises(FileNotFoundError, match=r'none\.png'):
        load(dict(img_path=str(tmp_path / 'none.png')))
