# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DPK on ImageNet, ConvNeXt-L -> ConvNeXt-E: Fig. 4 and Table 10. The teacher's weights
# are those pretrained on ImageNet-21k, for 224x224 (ours; Table 10 has the accuracy of
# such a ConvNeXt-L for 384x384, and its operations at 224x224).
_base_ = '../_base_/dpk_convnext_in1k.py'

model = dict(
    streams=dict(
        teacher=dict(
            config='mmpretrain::convnext/convnext-large_64xb64_in1k.py',
            checkpoint='https://download.openmmlab.com/mmclassification/v0/convnext/convnext-large_in21k-pre-3rdparty_64xb64_in1k_20220124-2412403d.pth',
        )
    ),
    transfers=dict(loss_dpk=dict(connector=dict(teacher_channels=1536))),
)
