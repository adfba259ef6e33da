# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# ConvNeXt-E of DPK: ConvNeXt-T with fewer blocks and channels in each stage (appendix
# A.2). How many is ours, not Table 10's. The rest is ConvNeXt-T's, such as stochastic
# depth with a rate of 0.1.
convnext_e = dict(
    backbone=dict(
        arch=dict(_delete_=True, depths=[2, 2, 6, 2], channels=[64, 128, 256, 512]),
    ),
    head=dict(in_channels=512),
)
