# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table 3 of DPK, ResNet50 -> MobileNetV2. ReviewKD: each stage of the student, fused
# with all deeper ones, is to be the teacher's of the same depth. The weight is ours.
_base_ = './resnet50_mobilenetv2_kd_in1k.py'

model = dict(
    transfers=dict(
        _delete_=True,
        loss_review=dict(
            source=[
                'teacher.backbone.layer1',
                'teacher.backbone.layer2',
                'teacher.backbone.layer3',
                'teacher.backbone.layer4',
            ],
            target=[
                'student.backbone.layer2',
                'student.backbone.layer3',
                'student.backbone.layer5',
                'student.backbone.layer7',
            ],
            target_connector=dict(
                type='ReviewFusion',
                in_channels=[24, 32, 96, 320],
                out_channels=[256, 512, 1024, 2048],
                mid_channels=512,
            ),
            loss=dict(type='HCLLoss', loss_weight=1.0),
        ),
    )
)
