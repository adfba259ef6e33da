# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# A student that also learns from its own predictions of the epoch before, as in DTSKD (there
# Eqs. 5 to 7, of the head alone), whatever else it learns from.
historical_student = dict(
    # The label is part of Eq. 6 of DTSKD, which takes the place of the cross-entropy.
    streams=dict(student=dict(loss_weight=0.0)),
    stores=dict(history=dict(format='float32')),
    transfers=dict(
        loss_his=dict(
            source='history.student.head',
            target='student.head',
            loss=dict(
                type='HistoricalLoss',
                beta=dict(type='CosineSchedule', start=0.9, stop=0.0, begin=-1),
            ),
        )
    ),
)
