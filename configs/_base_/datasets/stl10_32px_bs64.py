# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# STL-10 at 32x32 in the class folders of tools/dataset_converters/binary_images.py, for a
# network that was trained on CIFAR-100 (DPK, appendix A.7).
_base_ = './tiny_imagenet_32px_bs64.py'

data_preprocessor = dict(num_classes=10)
train_dataloader = dict(dataset=dict(data_root='data/stl10/train'))
val_dataloader = dict(dataset=dict(data_root='data/stl10/test'))
test_dataloader = val_dataloader
