# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# What comparisons on a tenth of CIFAR-10 have in common.
metrics = ['accuracy/top1']
seeds = [0, 1]
epochs = 6
data = 'data/cifar10'
options = ['train_cfg.val_interval=6']
