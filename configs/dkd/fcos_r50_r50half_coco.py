# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DKD for FCOS, R50 -> R50-half: Table IV, row "EMD+KLD".
_base_ = [
    '../_base_/dkd_det_runtime.py',
    '../_base_/datasets/coco_667.py',
    '../_base_/models/halves_coco.py',
    '../_base_/schedules/dkd_adam_coco.py',
]

detector = 'mmdet::fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py'
# The KLD acts on the class probabilities of all 5 levels (section III-C2). FCOS classifies
# with sigmoid, so each class is a distribution of its own (ours). Weight: script.
kld = dict(type='KLDLoss', activation='sigmoid', reduction='mean', loss_weight=0.1)

model = dict(
    type='dynkd.Distillation',
    streams=dict(
        # "The pre-trained weights of the teacher" (section IV-B): MMDetection's. Section
        # IV-C2 has "all methods from scratch"; for that, set `checkpoint=None`.
        teacher=dict(
            config=detector,
            checkpoint='https://download.openmmlab.com/mmdetection/v2.0/fcos/fcos_r50_caffe_fpn_gn-head_1x_coco/fcos_r50_caffe_fpn_gn-head_1x_coco-821213aa.pth',
        ),
        student=dict(config=detector, model=_base_.dense_half),
    ),
    transfers=dict(
        # Eq. 7: alpha EMD for the student's features. p=1 is eq. 1; layout and tap are
        # ours; the weight is the released script's.
        loss_emd=dict(
            source='teacher.neck',
            target='student.neck',
            target_connector=dict(
                type='ChannelAligner', in_channels=128, out_channels=256
            ),
            loss=dict(type='EMDLoss', layout='spatial', p=1, loss_weight=0.01),
        ),
        # beta_2 KLD(l_t, l_s): the teacher's probabilities teach the student.
        loss_kld_student=dict(
            source='teacher.bbox_head[0]', target='student.bbox_head[0]', loss=kld
        ),
        # beta_1 KLD(l_s, l_t): the student's probabilities teach the teacher.
        loss_kld_teacher=dict(
            source='student.bbox_head[0]', target='teacher.bbox_head[0]', loss=kld
        ),
    ),
)
