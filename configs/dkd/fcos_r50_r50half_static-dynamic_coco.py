# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# "Static + Dynamic" for FCOS: the teacher rests for 10 epochs while MSE brings the student
# near, then both learn from each other (section III-D, Table VII, there for video; for
# detection it is ours, and so is the length of the first phase).
_base_ = './fcos_r50_r50half_mse-emd-kld_coco.py'

model = dict(
    phases=[
        dict(name='static', begin=0, transfers=['loss_mse'], frozen=['teacher']),
        dict(
            name='dynamic',
            begin=10,
            transfers=['loss_emd', 'loss_kld_student', 'loss_kld_teacher'],
        ),
    ]
)
# The teacher's AP stays the same while it rests, which is no plateau of its learning.
param_scheduler = dict(teacher=[dict(_base_.param_scheduler.teacher[0], begin=10)])
# The frozen teacher has no gradient; several processes must not wait for it.
find_unused_parameters = True
