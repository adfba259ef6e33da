# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# FGD for FCOS on BCCD, EfficientNet-Lite0 -> half a ResNet-18. The teacher was trained alone
# before, by `baselines/fcos_efficientnet-lite0_bccd.py`.
_base_ = [
    '../_base_/distill_det_runtime.py',
    '../_base_/datasets/bccd.py',
    '../_base_/models/fgd_fcos_efficientnet_lite0.py',
    '../_base_/schedules/sgd_24e.py',
]

_classes = dict(bbox_head=dict(num_classes=3))
_teacher = 'work_dirs/fcos_efficientnet-lite0_bccd/epoch_24.pth'
model = dict(
    streams=dict(
        teacher=dict(model=_classes, checkpoint=_teacher),
        student=dict(model=_classes),
    ),
    # The teacher's features are larger than those that `fgd_small.py` is for: there the
    # foreground term is 60 and the relation 13 in the first epoch, and the detector's own
    # losses 4. With these each of the four terms begins near 1 (ours).
    transfers=dict(loss_fgd=dict(loss=dict(foreground=1.5e-6, relation=4e-8))),
)
randomness = dict(seed=0)
