# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DKD for FCOS, R50 -> R50-half: Table IV, row "EMD+KLD".
_base_ = [
    '../_base_/distill_det_runtime.py',
    '../_base_/datasets/coco_667.py',
    '../_base_/models/dkd_dense.py',
    '../_base_/models/halves_coco.py',
    '../_base_/schedules/dkd_adam_coco.py',
]

detector = 'mmdet::fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py'
model = dict(
    streams=dict(
        # "The pre-trained weights of the teacher" (section IV-B): MMDetection's, trained
        # at 1333x800. `baselines/fcos_r50_coco.py` trains one at 667x667. Section IV-C2
        # has "all methods from scratch": `fcos_r50_r50half_from-scratch_coco.py`.
        teacher=dict(
            config=detector,
            checkpoint='https://download.openmmlab.com/mmdetection/v2.0/fcos/fcos_r50_caffe_fpn_gn-head_1x_coco/fcos_r50_caffe_fpn_gn-head_1x_coco-821213aa.pth',
        ),
        student=dict(config=detector, model=_base_.dense_half),
    )
)
