# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# 30 epochs of SGD for small classifiers on images of 16x16: the learning rate, weight decay
# and drops of IAKD's section 4.1 (100 and 150 of 200 epochs), shortened.
_base_ = './sgd_15e.py'

train_cfg = dict(max_epochs=30, val_interval=5)
param_scheduler = [
    dict(type='MultiStepLR', by_epoch=True, milestones=[15, 23], gamma=0.1)
]
