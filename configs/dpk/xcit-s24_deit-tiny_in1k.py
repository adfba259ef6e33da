# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DPK on ImageNet, XCiT-S24/16 -> DeiT-Tiny: Table 13, where the teacher is CaiT-S24.
_base_ = '../_base_/dpk_xcit_deit_in1k.py'

model = dict(
    streams=dict(student=dict(config='mmpretrain::deit/deit-tiny_4xb256_in1k.py')),
    transfers=dict(loss_dpk=dict(connector=dict(student_channels=192))),
)
