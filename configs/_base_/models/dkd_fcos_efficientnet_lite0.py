# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DKD for a small FCOS with an EfficientNet-Lite0 and one with half a ResNet-18.
_base_ = ['./dkd_dense.py', './fcos_r18.py', './fcos_efficientnet_lite0.py']

_detector = 'mmdet::fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py'
model = dict(
    streams=dict(
        teacher=dict(config=_detector, model=_base_.fcos_efficientnet_lite0),
        student=dict(config=_detector, model=_base_.fcos_r18_half),
    ),
    transfers=dict(
        loss_emd=dict(
            target_connector=dict(
                type='ChannelAligner', in_channels=64, out_channels=128
            )
        )
    ),
)
