# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# `dpk_fgd.py` for small detectors from scratch, see `fgd_small.py`, with transformers that
# are small enough for a CPU. All ours.
_base_ = './dpk_fgd.py'

dpk_dense = dict(
    loss_dpk=dict(
        connector=dict(embed_dims=64, num_heads=4, encoder_depth=2, decoder_depth=2),
        loss=dict(foreground=2e-4, background=5e-5, temperature=4.0),
    )
)
