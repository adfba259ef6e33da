# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# 180 subjects of UCCS: 3,918 images for training and 907 for testing (EKD, section IV-A).
_base_ = './faces_16px_bs64.py'

data_preprocessor = dict(num_classes=180)
train_dataloader = dict(dataset=dict(data_root='data/uccs/train'))
val_dataloader = dict(dataset=dict(data_root='data/uccs/test'))
test_dataloader = val_dataloader
