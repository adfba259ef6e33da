# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# "Static + Dynamic" on the surveillance clips: the teacher rests while MSE brings the student
# near, then both learn from each other (section III-D).
_base_ = './resnext3d18_flow-rgb_surv-fights.py'

model = dict(
    transfers=dict(loss_mse=_base_.loss_mse),
    phases=[
        dict(name='static', begin=0, transfers=['loss_mse'], frozen=['teacher']),
        dict(
            name='dynamic',
            begin=10,
            transfers=['loss_emd', 'loss_kld_student', 'loss_kld_teacher'],
        ),
    ],
)
# In each phase some parameters have no gradient; several processes must not wait for it.
find_unused_parameters = True
