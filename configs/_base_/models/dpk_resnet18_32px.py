# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DPK for a narrow ResNet-18 and its half, on images of 32x32. Tokens are as narrow as
# fits so small networks (ours).
_base_ = ['./dpk.py', './resnet18_32px.py']

model = dict(
    streams=dict(
        teacher=dict(model=_base_.resnet18, input_shape=(3, 32, 32)),
        student=dict(model=_base_.resnet18_half, input_shape=(3, 32, 32)),
    ),
    transfers=dict(
        loss_dpk=dict(
            connector=dict(
                student_channels=128,
                teacher_channels=256,
                embed_dims=64,
                num_heads=4,
                grid_size=4,
            )
        )
    ),
)
