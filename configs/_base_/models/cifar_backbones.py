# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Classifiers for images of 32x32 (some for 16x16), to be picked by name:
# `_base_.vgg11`. Each backbone is listed with the channels of its output.
_vgg = dict(norm_cfg=dict(type='BN'), with_last_pool=False)
_x4 = dict(stem_channels=32, base_channels=64)
_x8 = dict(stem_channels=64, base_channels=128)
_fitting = dict(type='dynkd.ShuffleNetV1_CIFAR', groups=2, strides=(1, 2, 2))
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
    resnet8=(64, dict(type='dynkd.ResNet6nPlus2', depth=8)),
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
    # 110 layers in bottlenecks, 12 in each stage: the ResNet110 of OKDDip's code, on which
    # EKD's Table III is based.
    resnet110_bottleneck=(
        256,
        dict(type='dynkd.ResNet6nPlus2', depth=110, block='bottleneck'),
    ),
    # IAKD. How many groups a cheap convolution has is ours; the paper does not say.
    cheap_resnet26=(64, dict(type='dynkd.ResNet6nPlus2', depth=26, cheap_groups=4)),
    cheap_resnet56_bottleneck=(
        256,
        dict(type='dynkd.ResNet6nPlus2', depth=56, block='bottleneck', cheap_groups=4),
    ),
    # Four and eight times the channels, the stem's half of that, as in CRD's ResNet-32x4
    # (ours; the IAKD paper only has the names).
    resnet50x4=(256, dict(type='dynkd.ResNet6nPlus2', depth=50, **_x4)),
    resnet50x8=(512, dict(type='dynkd.ResNet6nPlus2', depth=50, **_x8)),
    # ShuffleNets of 50 layers, whose units fit those ResNets' stages (ours).
    shufflenetv1_x4=(
        256,
        dict(_fitting, stage_channels=(64, 128, 256)),
    ),
    shufflenetv1_x8=(
        512,
        dict(_fitting, stage_channels=(128, 256, 512)),
    ),
    # The zoo of CRD, as far as it is not above.
    resnet8x4=(256, dict(type='dynkd.ResNet6nPlus2', depth=8, **_x4)),
    resnet32x4=(256, dict(type='dynkd.ResNet6nPlus2', depth=32, **_x4)),
    wrn16_2=(128, dict(type='dynkd.WideResNet_CIFAR', depth=16, widen_factor=2)),
    wrn40_1=(64, dict(type='dynkd.WideResNet_CIFAR', depth=40, widen_factor=1)),
    wrn40_2=(128, dict(type='dynkd.WideResNet_CIFAR', depth=40, widen_factor=2)),
    mobilenetv2_half=(1280, dict(type='dynkd.MobileNetV2_CIFAR', widen_factor=0.5)),
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
# The three fully connected layers of the VGGs of OKDDip's and DTSKD's code.
vgg16_3fc = dict(
    vgg16,  # noqa: F821
    head=dict(vgg16['head'], type='StackedLinearClsHead', mid_channels=[512, 512]),  # noqa: F821
)
del _vgg, _x4, _x8, _fitting, _backbones
