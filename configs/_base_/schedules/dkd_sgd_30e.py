# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# `sgd_30e.py` for a pair that trains together, with the teacher's learning rate of a small
# pair, see `dkd_sgd_small_cls.py`.
_base_ = './dkd_sgd_small_cls.py'

train_cfg = dict(max_epochs=30, val_interval=5)
_steps = dict(type='MultiStepLR', by_epoch=True, milestones=[15, 23], gamma=0.1)
param_scheduler = dict(teacher=[_steps], student=[_steps])
