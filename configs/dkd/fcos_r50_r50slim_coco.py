# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DKD for FCOS whose student has half the channels in neck and head too. Not in the paper,
# whose half is the backbone.
_base_ = './fcos_r50_r50half_coco.py'

model = dict(
    streams=dict(student=dict(model=_base_.dense_slim)),
    transfers=dict(
        loss_emd=dict(
            target_connector=dict(
                type='ChannelAligner', in_channels=128, out_channels=256
            )
        )
    ),
)
