# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# "Static + Dynamic" of the configs, between flow and RGB, on two tiny clips a class.
_base_ = '../../../configs/dkd/resnext3d18_flow-rgb_static-dynamic_surv-fights.py'

model = dict(
    streams=dict(teacher=dict(checkpoint=None)),
    phases=[
        dict(name='static', begin=0, transfers=['loss_mse'], frozen=['teacher']),
        dict(
            name='dynamic',
            begin=1,
            transfers=['loss_emd', 'loss_kld_student', 'loss_kld_teacher'],
        ),
    ],
)
data_root = '{{$E2E_DATA:data}}/clips/'
train_dataloader = dict(batch_size=2, num_workers=0, dataset=dict(data_root=data_root))
val_dataloader = dict(
    batch_size=2,
    num_workers=0,
    dataset=dict(data_root=data_root, ann_file='train.txt'),
)
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=2, val_interval=1)
default_hooks = dict(logger=dict(interval=1))
