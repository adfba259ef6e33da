# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# The weights of the released script of DKD for detection, 0.01 for the EMD and 0.1 for the
# KLD in both directions. With a mean over predictions, which the script has too, such a KLD
# is a hundredth of the task loss.
script_weights = dict(
    loss_emd=dict(loss=dict(loss_weight=0.01)),
    loss_kld_student=dict(loss=dict(loss_weight=0.1)),
    loss_kld_teacher=dict(loss=dict(loss_weight=0.1)),
)
