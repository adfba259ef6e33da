# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DTSKD on ImageNet, section 4.1: alpha 0.9 and 0.1, lambda_0 = 4, beta from 1.0 to 0.8.
_base_ = [
    './dtskd_cls_runtime.py',
    './datasets/imagenet_224.py',
    './models/dtskd.py',
    './schedules/sgd_90e_in1k.py',
]

model = dict(
    streams=dict(student=dict(input_shape=(3, 224, 224))),
    # 1.28 M x 1000 probabilities of each of four classifiers are 19.1 GiB in float32, and
    # as much again while the next epoch is written; 8-bit log-probabilities are a quarter.
    # In files, whose folder is the `path` of each config, they are in no checkpoint, and
    # memory holds what the system has room for (all ours; the paper keeps them whole).
    stores=dict(history=dict(format='uint8')),
    transfers=dict(
        loss_dtskd=dict(
            historical=0.9,
            structural=0.1,
            level_weights=(4.0, 1.0, 1.0, 1.0),
            beta=dict(start=1.0, stop=0.8),
        )
    ),
)
