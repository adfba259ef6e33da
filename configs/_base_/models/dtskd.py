# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DTSKD: one stream with mixed fusion modules on its stages. Its head and every branch learn
# from their own predictions of the epoch before, and the branches from the head. A config
# that inherits from this gives the stream its model.
model = dict(
    type='dynkd.Distillation',
    streams=dict(
        student=dict(
            # The label is part of Eq. 6: no cross-entropy besides.
            loss_weight=0.0,
            branches=dict(
                module=dict(type='MixedFusionModule', fusion='mixed'), loss_weight=0.0
            ),
            input_shape=(3, 32, 32),
        )
    ),
    stores=dict(history=dict(format='float32')),
    transfers=dict(
        # Eqs. 4 to 9, with section 4.1's settings for ResNet-18 on CIFAR-100; lambda is 3
        # for the head and 1 for each branch.
        loss_dtskd=dict(
            type='DualTeacherTransfers',
            stream='student',
            store='history',
            historical=0.2,
            structural=0.8,
            temperature=4.0,
            # Eq. 7 counts epochs from 1.
            beta=dict(type='CosineSchedule', start=0.9, stop=0.0, begin=-1),
        )
    ),
)
