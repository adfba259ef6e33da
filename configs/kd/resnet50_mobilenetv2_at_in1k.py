# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table 3 of DPK, ResNet50 -> MobileNetV2. AT: attention maps of all stages. The
# weight is that of CRD's code.
_base_ = './resnet50_mobilenetv2_kd_in1k.py'

model = dict(
    transfers=dict(
        _delete_=True,
        loss_at=dict(
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
            loss=dict(type='ATLoss', loss_weight=1000.0),
        ),
    )
)
