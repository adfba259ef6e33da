custom_imports = dict(
    allow_failed_imports=False,
    imports=[
        'dynkd',
    ],
)
default_scope = 'mmpretrain'
model = dict(
    phases=[
        dict(
            frozen=[
                'teacher',
            ],
            name='static',
            transfers=[
                'loss_emd',
            ],
        ),
        dict(begin=1, name='dynamic'),
    ],
    stores=dict(history=dict(format='float32')),
    streams=dict(
        student=dict(
            branches=dict(module=dict(out_channels=8, type='GuidedModule')),
            input_shape=(
                3,
                32,
                32,
            ),
            model=dict(
                backbone=dict(
                    base_channels=2,
                    depth=8,
                    stem_channels=2,
                    type='dynkd.ResNet6nPlus2',
                ),
                data_preprocessor=dict(
                    mean=[
                        127.5,
                        127.5,
                        127.5,
                    ],
                    std=[
                        63.75,
                        63.75,
                        63.75,
                    ],
                ),
                head=dict(in_channels=8, num_classes=5, type='LinearClsHead'),
                neck=dict(type='GlobalAveragePooling'),
                type='mmpretrain.ImageClassifier',
            ),
        ),
        teacher=dict(
            branches=dict(module=dict(out_channels=8, type='GuidedModule')),
            input_shape=(
                3,
                32,
                32,
            ),
            model=dict(
                backbone=dict(
                    base_channels=4,
                    depth=8,
                    stem_channels=4,
                    type='dynkd.ResNet6nPlus2',
                ),
                data_preprocessor=dict(
                    mean=[
                        127.5,
                        127.5,
                        127.5,
                    ],
                    std=[
                        63.75,
                        63.75,
                        63.75,
                    ],
                ),
                head=dict(in_channels=16, num_classes=5, type='LinearClsHead'),
                neck=dict(type='GlobalAveragePooling'),
                type='mmpretrain.ImageClassifier',
            ),
        ),
    ),
    transfers=dict(
        loss_ekd=dict(type='EvolutionaryTransfers', within_l2=0.0),
        loss_emd=dict(
            loss=dict(
                layout='spatial',
                loss_weight=dict(end=2, start=0.0, stop=1.0, type='LinearSchedule'),
                type='EMDLoss',
            ),
            source='teacher.backbone[0]',
            target='student.backbone[0]',
            target_connector=dict(
                in_channels=8, out_channels=16, type='ChannelAligner'
            ),
        ),
        loss_history=dict(
            loss=dict(beta=0.5, type='HistoricalLoss'),
            source='history.student.head',
            target='student.head',
        ),
        loss_kld_teacher=dict(
            loss=dict(temperature=4.0, type='KLDLoss'),
            source='student.head',
            target='teacher.head',
        ),
    ),
    type='dynkd.Distillation',
)
