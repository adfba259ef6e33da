# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DPK on ImageNet, ConvNeXt-T -> ResNet18: Fig. 4 and appendix A.10. The student has the
# recipe of the other ResNet18 (ours). ConvNeXt gives its head an averaged feature: the
# map is tapped where the last stage ends. The teacher's weights are those trained on
# ImageNet-1k alone (ours).
_base_ = '../_base_/dpk_in1k.py'

model = dict(
    streams=dict(
        teacher=dict(
            config='mmpretrain::convnext/convnext-tiny_32xb128_in1k.py',
            # It was trained with mixed images, and its student's are not mixed.
            model=dict(train_cfg=None),
            checkpoint='https://download.openmmlab.com/mmclassification/v0/convnext/convnext-tiny_32xb128_in1k_20221207-998cf3e9.pth',
        ),
        student=dict(config='mmpretrain::resnet/resnet18_8xb32_in1k.py'),
    ),
    transfers=dict(
        loss_dpk=dict(
            source='teacher.backbone.stages.3',
            connector=dict(student_channels=512, teacher_channels=768),
        )
    ),
)
