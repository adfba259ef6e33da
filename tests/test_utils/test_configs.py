# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Reading configs of either style."""

import pytest
from mmengine.config import Config

from dynkd.utils import type_name


@pytest.mark.parametrize(
    ('kind', 'name'),
    [
        ('FCOS', 'FCOS'),
        ('mmdet.FCOS', 'FCOS'),
        (dict(type='mmdet.models.detectors.fcos.FCOS'), 'FCOS'),
        (Config, 'Config'),
        (dict(type=Config), 'Config'),
        (dict(), ''),
        (None, ''),
    ],
)
def test_name_of_a_type(kind, name):
    assert type_name(kind) == name
