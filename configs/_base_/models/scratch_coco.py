# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# A detector whose ResNet starts from scratch instead of ImageNet weights: nothing is
# frozen, and its batch norm uses the batch's statistics.
from_scratch = dict(
    backbone=dict(
        init_cfg=None,
        frozen_stages=-1,
        norm_cfg=dict(requires_grad=True),
        norm_eval=False,
    )
)
