# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# HMDB51: the frames and flow that tools/dataset_converters/extract_flow.py writes, and the
# annotations of tools/dataset_converters/hmdb51.py. The environment says which of the three
# official splits it is: SPLIT=2 python tools/train.py ...
_base_ = './action_64x112.py'

split = int('{{$SPLIT:1}}')
if split not in (1, 2, 3):
    raise ValueError(f'SPLIT must be 1, 2 or 3, got {split}')
data_root = 'data/hmdb51/'
_place = dict(data_root=data_root, data_prefix=dict(img='rawframes/'))
_lists = 'annotations/hmdb51_{}_split_{}_rawframes.txt'
train_dataloader = dict(dataset=dict(ann_file=_lists.format('train', split), **_place))
val_dataloader = dict(dataset=dict(ann_file=_lists.format('val', split), **_place))
test_dataloader = val_dataloader
