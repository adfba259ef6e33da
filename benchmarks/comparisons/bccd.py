# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# FCOS on BCCD: an EfficientNet-Lite0 that knows ImageNet teaches half a ResNet-18, and
# a MobileNetV2 of half the width, both from scratch. 12 epochs, with drops of the
# learning rate after 8 and 11.
metrics = ['coco/bbox_mAP', 'coco/bbox_mAP_50']
seeds = [0, 1, 2, 3, 4]
epochs = 12
data = 'data/bccd'
baseline = 'student alone'
options = ['train_cfg.val_interval=3']

_teacher = dict(teacher='teacher')
_pair = 'fcos_efficientnet-lite0_r18half'
rows = [
    dict(
        name='teacher',
        config='configs/baselines/fcos_efficientnet-lite0_bccd.py',
        once=True,
    ),
    dict(
        name='teacher, trained on alone',
        config='configs/baselines/fcos_efficientnet-lite0_continued_bccd.py',
        starts={'': 'teacher'},
        against={'': 'teacher'},
    ),
    dict(name='student alone', config='configs/baselines/fcos_r18half_bccd.py'),
    dict(
        name='static MSE',
        config=f'configs/dkd/{_pair}_static-mse_bccd.py',
        starts=_teacher,
    ),
    dict(
        name='static MSE, a tenth',
        config=f'configs/dkd/{_pair}_static-mse_bccd.py',
        starts=_teacher,
        once=True,
        options=['model.transfers.loss_mse.loss.loss_weight=0.01'],
        against=dict(student='static MSE'),
    ),
    dict(name='KD', config=f'configs/dkd/{_pair}_static-kld_bccd.py', starts=_teacher),
    # Three in ten predictions have an object: with this weight the loss is about as
    # large as that of KD.
    dict(
        name='KD, by the positives',
        config=f'configs/dkd/{_pair}_static-kld_bccd.py',
        starts=_teacher,
        once=True,
        against=dict(student='KD'),
        options=[
            'model.transfers.loss_kld_student.loss.reduction=positives',
            'model.transfers.loss_kld_student.loss.loss_weight=1.5',
        ],
    ),
    dict(
        name='DKD',
        config=f'configs/dkd/{_pair}_bccd.py',
        starts=_teacher,
        streams=['student', 'teacher'],
        against=dict(teacher='teacher, trained on alone'),
    ),
    dict(
        name='DKD, script weights',
        config=f'configs/dkd/{_pair}_script-weights_bccd.py',
        starts=_teacher,
        streams=['student', 'teacher'],
        against=dict(teacher='teacher, trained on alone'),
    ),
    dict(
        name='DKD, balanced',
        config=f'configs/dkd/{_pair}_balanced_bccd.py',
        starts=_teacher,
        streams=['student', 'teacher'],
        against=dict(teacher='teacher, trained on alone'),
    ),
    # To what the student of DKD owes the difference to that of KD: to the earth mover's
    # distance, or to a teacher that predicts with the statistics of four images.
    dict(
        name='DKD, without EMD',
        config=f'configs/dkd/{_pair}_bccd.py',
        starts=_teacher,
        once=True,
        against=dict(student='DKD'),
        options=['model.transfers.loss_emd.loss.loss_weight=0.0'],
    ),
    dict(
        name='DKD, statistics kept',
        config=f'configs/dkd/{_pair}_bccd.py',
        starts=_teacher,
        once=True,
        against=dict(student='DKD'),
        options=['model.streams.teacher.norm_eval=True'],
    ),
    dict(name='FGD', config=f'configs/dpk/fgd_{_pair}_bccd.py', starts=_teacher),
    dict(
        name='DPK + FGD', config=f'configs/dpk/dpk-fgd_{_pair}_bccd.py', starts=_teacher
    ),
    dict(
        name='DPK + FGD, half of DPK',
        config=f'configs/dpk/dpk-fgd_{_pair}_bccd.py',
        starts=_teacher,
        once=True,
        options=[
            'model.transfers.loss_dpk.loss.foreground=7.5e-7',
            'model.transfers.loss_dpk.loss.background=2.5e-5',
        ],
        against=dict(student='DPK + FGD'),
    ),
    dict(
        name='MobileNetV2 alone',
        config='configs/baselines/fcos_mobilenetv2_bccd.py',
        # Another student: the baseline of the rows below, compared with nothing.
        against={'': None},
    ),
    dict(
        name='MobileNetV2, KD',
        config='configs/dkd/fcos_efficientnet-lite0_mobilenetv2_static-kld_bccd.py',
        starts=_teacher,
        against=dict(student='MobileNetV2 alone'),
    ),
    dict(
        name='MobileNetV2, DKD',
        config='configs/dkd/fcos_efficientnet-lite0_mobilenetv2_bccd.py',
        starts=_teacher,
        streams=['student', 'teacher'],
        against=dict(student='MobileNetV2 alone', teacher='teacher, trained on alone'),
    ),
]
