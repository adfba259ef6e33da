# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# What makes a small Faster R-CNN with a narrow ResNet-18, and its half, of MMDetection's
# Faster R-CNN with a ResNet-50. Backbone and neck are those of `fcos_digits.py`: the pyramid
# begins at stride 8. Fewer boxes are enough for images of 160x160 with up to 6 digits.
_base_ = './fcos_digits.py'

_start = dict(start_level=1)
_strides = [8, 16, 32]
# The digits are 20 to 64 pixels high.
_rpn = dict(anchor_generator=dict(scales=[4], strides=_strides))
_extractor = dict(featmap_strides=_strides, finest_scale=28)
_cfg = dict(
    train_cfg=dict(
        rpn_proposal=dict(nms_pre=500, max_per_img=200),
        rcnn=dict(sampler=dict(num=64)),
    ),
    test_cfg=dict(rpn=dict(nms_pre=500, max_per_img=200)),
)
_whole, _half = _base_.fcos_digits, _base_.fcos_digits_half

faster_rcnn_digits = dict(
    data_preprocessor=_whole.data_preprocessor,
    backbone=_whole.backbone,
    neck=dict(_whole.neck, **_start),
    rpn_head=dict(in_channels=64, feat_channels=64, **_rpn),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=64, **_extractor),
        bbox_head=dict(in_channels=64, fc_out_channels=256, num_classes=10),
    ),
    **_cfg,
)
faster_rcnn_digits_half = dict(
    data_preprocessor=_half.data_preprocessor,
    backbone=_half.backbone,
    neck=dict(_half.neck, **_start),
    rpn_head=dict(in_channels=32, feat_channels=32, **_rpn),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=32, **_extractor),
        bbox_head=dict(in_channels=32, fc_out_channels=128, num_classes=10),
    ),
    **_cfg,
)
