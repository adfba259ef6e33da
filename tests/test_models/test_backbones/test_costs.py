# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Networks cost what the papers' tables say."""

import pytest
import torch
from torch import nn


@pytest.mark.parametrize(
    ('name', 'classes', 'side', 'size', 'flops'),
    [
        ('resnet26', 10, 32, 0.37, 55.62),
        ('resnet26', 100, 32, 0.38, 55.62),
        ('resnet26', 200, 64, 0.38, 222.47),
        ('resnet44', 10, 32, 0.66, 98.51),
        ('resnet44', 100, 32, 0.67, 98.52),
        ('resnet80', 200, 64, 1.26, 737.24),
    ],
)
def test_sizes_and_flops_of_table_7_of_iakd(
    name, classes, side, size, flops, classifier_of
):
    backbone = classifier_of(name).eval().backbone
    found = (sum(p.numel() for p in backbone.parameters()) + 65 * classes) / 1e6
    assert found == pytest.approx(size, abs=0.007)
    operations = 0

    def count(module, _, output):
        nonlocal operations
        each = module.weight[0].numel() if isinstance(module, nn.Conv2d) else 2
        operations += each * output.numel()

    for module in backbone.modules():
        if isinstance(module, (nn.Conv2d, nn.BatchNorm2d)):
            module.register_forward_hook(count)
    with torch.no_grad():
        backbone(torch.rand(1, 3, side, side))
    # Multiply-adds; what the paper's counter adds for sums and means is less.
    assert operations / 1e6 == pytest.approx(flops, rel=0.003)
