# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Classifiers for images of 32x32 (some for 16x16), to be picked by name:
# `_base_.vgg11`. Each backbone is listed with the channels of its output.
_vgg = dict(norm_cfg=dict(type='BN'), with_last_pool=False)
_backbones = dict(
    # VGGs average the last 2x2 instead of max pooling it, and so take 16x16 too (ours).
    vgg8=(512, dict(type='dynkd.VGG8', **_vgg)),
    vgg11=(512, dict(type='VGG', depth=11, **_vgg)),
    vgg13=(512, dict(type='VGG', depth=13, **_vgg)),
    vgg16=(512, dict(type='VGG', depth=16, **_vgg)),
    vgg19=(512, dict(type='VGG', depth=19, **_vgg)),
    resnet18=(512, dict(type='ResNet_CIFAR', depth=18)),
    resnet34=(512, dict(type='ResNet_CIFAR', depth=34)),
    resnet50=(2048, dict(type='ResNet_CIFAR', depth=50)),
    resnet101=(2048, dict(type='ResNet_CIFAR', depth=101)),
    wrn50_2=(
        2048,
        dict(type='ResNet_CIFAR', depth=50, base_channels=128, expansion=2),
    ),
    # A ResNet-18 of 0.61 M weights in its convolutions, for images of 16x16 (ours).
    resnet18_slim=(
        120,
        dict(type='ResNet_CIFAR', depth=18, stem_channels=15, base_channels=15),
    ),
    resnext18=(
        512,
        dict(type='dynkd.ResNeXt_CIFAR', depth=18, groups=32, width_per_group=4),
    ),
    senet34=(512, dict(type='dynkd.SEResNet_CIFAR', depth=34)),
    shufflenetv1=(960, dict(type='dynkd.ShuffleNetV1_CIFAR', stem_kernel_size=1)),
    shufflenetv2=(1024, dict(type='dynkd.ShuffleNetV2_CIFAR', stem_kernel_size=1)),
    shufflenetv2_3x3=(1024, dict(type='dynkd.ShuffleNetV2_CIFAR')),
    resnet20=(64, dict(type='dynkd.ResNet6nPlus2', depth=20)),
    resnet26=(64, dict(type='dynkd.ResNet6nPlus2', depth=26)),
    resnet32=(64, dict(type='dynkd.ResNet6nPlus2', depth=32)),
    resnet44=(64, dict(type='dynkd.ResNet6nPlus2', depth=44)),
    resnet56=(64, dict(type='dynkd.ResNet6nPlus2', depth=56)),
    resnet80=(64, dict(type='dynkd.ResNet6nPlus2', depth=80)),
    resnet110=(64, dict(type='dynkd.ResNet6nPlus2', depth=110)),
    resnet56_bottleneck=(
        256,
        dict(type='dynkd.ResNet6nPlus2', depth=56, block='bottleneck'),
    ),
)
globals().update(
    {
        name: dict(
            type='ImageClassifier',
            backbone=backbone,
            neck=dict(type='GlobalAveragePooling'),
            head=dict(
                type='LinearClsHead',
                num_classes=100,
                in_channels=channels,
                loss=dict(type='CrossEntropyLoss'),
            ),
        )
        for name, (channels, backbone) in _backbones.items()
    }
)
del _vgg, _backbones
