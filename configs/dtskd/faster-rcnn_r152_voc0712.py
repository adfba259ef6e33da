# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table 4: Faster R-CNN on PASCAL VOC, trained on 2007 and 2012 trainval, whose backbone
# is the ResNet-152 that `resnet152_in1k.py` exported. Plain MMDetection: nothing of it
# needs DynKD. The schedule is section 4.3's: 10 epochs, batches of 1, learning rate
# 0.001, divided by 10 at epoch 5. The detector's neck, an FPN, and all else are
# MMDetection's (ours).
_base_ = 'mmdet::pascal_voc/faster-rcnn_r50_fpn_1x_voc0712.py'

model = dict(
    backbone=dict(
        depth=152,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='work_dirs/resnet152_in1k/student.pth',
            prefix='backbone.',
        ),
    )
)
# The base repeats the data set three times in an epoch.
train_dataloader = dict(batch_size=1, dataset=dict(times=1), persistent_workers=False)
max_epochs = 10
train_cfg = dict(max_epochs=max_epochs)
optim_wrapper = dict(optimizer=dict(lr=0.001))
param_scheduler = [dict(type='MultiStepLR', by_epoch=True, milestones=[5], gamma=0.1)]
auto_scale_lr = dict(base_batch_size=1)
