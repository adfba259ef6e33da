# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DKD for a small ResNet-18 and its half on images of 32x32. With the weights of section
# IV-C1; the half has half the channels.
_base_ = ['./dkd_cls.py', './resnet18_32px.py']

model = dict(
    streams=dict(
        teacher=dict(model=_base_.resnet18, input_shape=(3, 32, 32)),
        student=dict(model=_base_.resnet18_half, input_shape=(3, 32, 32)),
    ),
    transfers=dict(
        loss_emd=dict(
            target_connector=dict(
                type='ChannelAligner', in_channels=128, out_channels=256
            )
        )
    ),
)
