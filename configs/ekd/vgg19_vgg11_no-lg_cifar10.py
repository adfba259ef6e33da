# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Fig. 5: VGG19(bn) -> VGG11(bn) on CIFAR-10 without
# L_G, all that goes from teacher to student (Eq. 8).
_base_ = './vgg19_vgg11_cifar10.py'

model = dict(transfers=dict(loss_ekd=dict(cross_kl=0.0, cross_l2=0.0)))
