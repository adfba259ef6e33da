# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Handwritten digits, 32x32, made by tools/dataset_converters/digits.py.
_base_ = './small_classification.py'

train_dataloader = dict(dataset=dict(data_root='data/digits/cls/train'))
val_dataloader = dict(dataset=dict(data_root='data/digits/cls/val'))
test_dataloader = val_dataloader
