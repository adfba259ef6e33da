# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# A ResNet-152 for MMDetection's detectors, which have none with it.
resnet152 = dict(
    depth=152, init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet152')
)
