# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# "Static + Dynamic" on HMDB51: first the SKD, "to make the student network [...] and the
# teacher network [...] close to each other", then the DKD (section III-D; Table VII). How
# long each lasts is ours.
_base_ = './resnext3d101_flow-rgb_hmdb51.py'

model = dict(
    transfers=dict(loss_mse=_base_.loss_mse),
    phases=[
        dict(name='static', begin=0, transfers=['loss_mse'], frozen=['teacher']),
        dict(
            name='dynamic',
            begin=20,
            transfers=['loss_emd', 'loss_kld_student', 'loss_kld_teacher'],
        ),
    ],
)
# In each phase some parameters have no gradient; several processes must not wait for it.
find_unused_parameters = True
work_dir = f'work_dirs/resnext3d101_flow-rgb_static-dynamic_hmdb51_split{_base_.split}'
