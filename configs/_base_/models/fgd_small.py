# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# FGD for small detectors from scratch. With the settings of `fgd_dense.py` the attentions of
# the features that they learn on the digits and on BCCD come close to a single position or
# channel, and each term is many times the detector's own losses. So attentions are softer,
# and weights of squared differences a tenth; all ours.
_base_ = './fgd_dense.py'

model = dict(
    transfers=dict(
        loss_fgd=dict(
            loss=dict(foreground=1e-4, background=5e-5, relation=5e-7, temperature=4.0)
        )
    )
)
