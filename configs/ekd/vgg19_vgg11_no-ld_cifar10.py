# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Fig. 5: VGG19(bn) -> VGG11(bn) on CIFAR-10 without
# L_D, the divergence within each stream (Eq. 3).
_base_ = './vgg19_vgg11_cifar10.py'

model = dict(transfers=dict(loss_ekd=dict(within_kl=0.0)))
