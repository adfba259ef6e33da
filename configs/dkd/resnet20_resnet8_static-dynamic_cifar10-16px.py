# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# "Static + Dynamic" on CIFAR-10 at 16x16: the teacher is frozen while MSE brings the student
# near, then both learn from each other (section III-D; the weight and the length of the
# first phase are ours).
_base_ = './resnet20_resnet8_cifar10-16px.py'

model = dict(
    transfers=dict(
        loss_mse=dict(
            _base_.model.transfers.loss_emd,
            loss=dict(type='FeatureLoss', kind='mse', loss_weight=1.0),
        )
    ),
    phases=[
        dict(name='static', begin=0, transfers=['loss_mse'], frozen=['teacher']),
        dict(
            name='dynamic',
            begin=10,
            transfers=['loss_emd', 'loss_kld_student', 'loss_kld_teacher'],
        ),
    ],
)
find_unused_parameters = True
