# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# UMDFaces, 8,277 subjects; some images of each are kept for validation (ours).
_base_ = './faces_16px_bs64.py'

data_preprocessor = dict(num_classes=8277)
train_dataloader = dict(dataset=dict(data_root='data/umdfaces/train'))
val_dataloader = dict(dataset=dict(data_root='data/umdfaces/val'))
test_dataloader = val_dataloader
