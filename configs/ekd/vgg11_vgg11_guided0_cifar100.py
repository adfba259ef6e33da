# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Fig. 4: VGG11(bn) -> VGG11(bn) on CIFAR-100 without guided modules, which is KD with an
# evolutionary teacher.
_base_ = './vgg11_vgg11_cifar100.py'

model = dict(streams=dict(teacher=dict(branches=None), student=dict(branches=None)))
