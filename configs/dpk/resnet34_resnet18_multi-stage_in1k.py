# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DPK of all four stages, ResNet34 -> ResNet18 on ImageNet: decoders of 4 blocks, every
# stage of weight 1 (appendix A.2). Patches are as large as gives 7x7 on every stage
# (ours).
_base_ = './resnet34_resnet18_in1k.py'

_stages = dict(model=dict(backbone=dict(out_indices=(0, 1, 2, 3))))
model = dict(
    streams=dict(teacher=_stages, student=_stages),
    transfers=dict(
        loss_dpk=dict(
            source='teacher.backbone',
            target='student.backbone',
            connector=dict(
                num_levels=4,
                student_channels=[64, 128, 256, 512],
                teacher_channels=[64, 128, 256, 512],
                patch_size=[8, 4, 2, 1],
                decoder_depth=4,
            ),
        )
    ),
)
work_dir = 'work_dirs/resnet34_resnet18_multi-stage_in1k'
