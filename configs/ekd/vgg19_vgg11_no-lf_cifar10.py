# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Fig. 5: VGG19(bn) -> VGG11(bn) on CIFAR-10 without
# L_F, the distance of features within each stream (Eq. 4).
_base_ = './vgg19_vgg11_cifar10.py'

model = dict(transfers=dict(loss_ekd=dict(within_l2=0.0)))
