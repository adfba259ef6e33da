# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# The test of Table VI: top-1 accuracy on 180 subjects of UCCS at 16x16. UCCS has other
# subjects than UMDFaces, so that the exported student of
# `resnet50_resnet18slim_umdfaces.py` gets a new classifier and is fine-tuned on UCCS's
# training images (ours; the paper does not say how). Plain MMPretrain: the model is as
# the export left it.
_base_ = [
    '../_base_/cls_runtime.py',
    '../_base_/datasets/uccs_16px_bs64.py',
    '../_base_/models/cifar_backbones.py',
    '../_base_/schedules/sgd_15e.py',
]

_student = _base_.resnet18_slim
model = dict(
    _student,
    backbone=dict(
        _student.backbone,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='work_dirs/resnet50_resnet18slim_umdfaces/student.pth',
            prefix='backbone.',
        ),
    ),
    head=dict(_student.head, num_classes=180),
)
optim_wrapper = dict(optimizer=dict(lr=0.01))  # ours
val_cfg = dict()
test_cfg = dict()
randomness = dict(seed=5)
