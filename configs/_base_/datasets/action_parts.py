# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# What all pipelines of action recognition are made of: a clip's frames, its flow, and how
# they are packed for two streams, or for a model that is trained by itself; and loaders
# of raw frames. What inherits from it sets the data, the clips and the geometry.
frames = dict(type='RawFrameDecode')
flow = dict(type='dynkd.LoadFlow')
pack_both = dict(type='dynkd.PackModalities', modalities=('rgb', 'flow'))
pack_rgb = dict(type='dynkd.PackModalities', modalities='rgb')
pack_flow = dict(type='dynkd.PackModalities', modalities='flow')

train_dataloader = dict(
    batch_size=8,
    num_workers=4,
    persistent_workers=False,
    worker_init_fn=dict(type='dynkd.seed_worker'),
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type='RawframeDataset'),
)
val_dataloader = dict(
    batch_size=1,  # videos can have different numbers of clips
    num_workers=4,
    persistent_workers=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='RawframeDataset', test_mode=True),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='AccMetric')
test_evaluator = val_evaluator
