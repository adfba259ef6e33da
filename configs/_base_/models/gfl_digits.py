# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# What makes a small GFL with a narrow ResNet-18, and its half, of MMDetection's GFL with a
# ResNet-50. Backbone and neck are those of `fcos_digits.py`.
_base_ = './fcos_digits.py'

_head = dict(
    num_classes=10,
    stacked_convs=2,
    norm_cfg=dict(type='GN', num_groups=8),
    # The digits are 20 to 64 pixels high.
    anchor_generator=dict(octave_base_scale=4, strides=[8, 16, 32]),
)
gfl_digits = dict(
    _base_.fcos_digits, bbox_head=dict(in_channels=64, feat_channels=64, **_head)
)
gfl_digits_half = dict(
    _base_.fcos_digits_half, bbox_head=dict(in_channels=32, feat_channels=32, **_head)
)
