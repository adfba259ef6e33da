# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# EKD for recognising faces at 16x16: Table VI. A ResNet50 teaches a slim ResNet18 on
# UMDFaces. `resnet18slim_uccs.py` goes on from the exported student. Both start from
# scratch (ours; the paper's teacher "uses a recent face recognizer VGGFace2", and which of
# its weights and how is not said).
_base_ = [
    '../_base_/distill_cls_runtime.py',
    '../_base_/datasets/umdfaces_16px_bs64.py',
    '../_base_/models/ekd.py',
    '../_base_/models/cifar_backbones.py',
    '../_base_/schedules/sgd_200e.py',
]

_guided = dict(module=dict(out_channels=120))
_teacher, _student = _base_.resnet50, _base_.resnet18_slim
_faces = dict(num_classes=8277)
model = dict(
    streams=dict(
        teacher=dict(
            model=dict(_teacher, head=dict(_teacher.head, **_faces)),
            branches=_guided,
            input_shape=(3, 16, 16),
        ),
        student=dict(
            model=dict(_student, head=dict(_student.head, **_faces)),
            branches=_guided,
            input_shape=(3, 16, 16),
        ),
    )
)
randomness = dict(seed=5)  # section III-C
