# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# FGD for the pyramids of the small detectors on the digits: three levels, 64 channels of the
# teacher and 32 of its half, whose adaptation layers are level by level, as in FGD's released
# code.
_base_ = './fgd_small.py'

model = dict(
    transfers=dict(
        loss_fgd=dict(
            target_connector=dict(
                type='ChannelAligner', in_channels=32, out_channels=64, num_levels=3
            ),
            loss=dict(channels=64, num_levels=3),
        )
    )
)
