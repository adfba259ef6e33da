# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DKD between optical flow and RGB on clips of surveillance cameras.
metrics = ['acc/top1']
seeds = [0, 1, 2, 3, 4]
data = 'data/surv_fights_rawframes'
baseline = 'RGB'
options = ['train_cfg.val_interval=20']


def _row(name: str, kind: str, **more) -> dict:
    own = dict(
        starts=dict(teacher='flow'),
        streams=['student', 'teacher', 'fused'],
        against=dict(teacher='flow', fused='flow + RGB'),
    )
    config = f'configs/dkd/resnext3d18_flow-rgb{kind}_surv-fights.py'
    return dict(name=name, config=config, **{**own, **more})


rows = [
    dict(name='flow', config='configs/baselines/resnext3d18_flow_surv-fights.py'),
    dict(name='RGB', config='configs/baselines/resnext3d18_rgb_surv-fights.py'),
    _row(
        'flow + RGB',
        '',
        starts=dict(teacher='flow', student='RGB'),
        streams=['fused'],
        against={},
        trained=False,
    ),
    _row('static', '_static'),
    _row('dynamic', ''),
    _row('static + dynamic', '_static-dynamic'),
    # Why the dynamic phase from scratch is worst: divergences that outweigh the labels,
    # or a student that knows nothing yet.
    _row(
        'dynamic, BalancedWeight',
        '',
        once=True,
        options=[
            f'model.transfers.loss_{transfer}.loss.loss_weight.{option}'
            for transfer in ('emd', 'kld_student', 'kld_teacher')
            for option in ('_delete_=True', 'type=BalancedWeight', 'share=1.0')
        ],
    ),
    _row(
        'dynamic, student trained before',
        '',
        once=True,
        starts=dict(teacher='flow', student='RGB'),
    ),
]
