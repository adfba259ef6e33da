# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# An existing FCOS config of MMDetection becomes a distillation: its model is the
# student, MMDetection's FCOS with a ResNet-101 is the teacher, and both learn.
_base_ = 'mmdet::fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py'
custom_imports = dict(imports=['dynkd'], allow_failed_imports=False)
teacher = dict(config='mmdet::fcos/fcos_r101-caffe_fpn_gn-head-1x_coco.py')
t, s = 'teacher.bbox_head[0]', 'student.bbox_head[0]'
emd = dict(type='EMDLoss', layout='spatial', loss_weight=dict(type='BalancedWeight'))
kld = dict(type='KLDLoss', activation='sigmoid', loss_weight=emd['loss_weight'])
model = dict(_delete_=True, type='dynkd.Distillation')
model['streams'] = dict(student=dict(model=_base_.model), teacher=teacher)
model['transfers'] = dict(
    loss_kld_student=dict(source=t, target=s, loss=kld),
    loss_kld_teacher=dict(source=s, target=t, loss=kld),
    loss_emd=dict(source='teacher.neck[2]', target='student.neck[2]', loss=emd),
)
