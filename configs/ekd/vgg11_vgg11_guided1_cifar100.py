# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Fig. 4: VGG11(bn) -> VGG11(bn) on CIFAR-100 with one guided module, on the deepest stages
# but the last (ours).
_base_ = './vgg11_vgg11_cifar100.py'

_guided = dict(num=1)
model = dict(
    streams=dict(teacher=dict(branches=_guided), student=dict(branches=_guided))
)
