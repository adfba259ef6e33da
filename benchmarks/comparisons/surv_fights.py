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


def _inquiry(change: str, **more) -> dict:
    """Why the dynamic phase from scratch is worst: one seed of it, but for a change."""
    against = dict.fromkeys(('student', 'teacher', 'fused'), 'dynamic')
    return _row(f'dynamic, {change}', '', once=True, against=against, **more)


_half = 'optim_wrapper.streams.student.optimizer.lr=0.005'
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
    # The gain where the student alone has a learning rate that suits it better.
    dict(
        name='RGB, lr 0.005',
        config='configs/baselines/resnext3d18_rgb_surv-fights.py',
        options=['optim_wrapper.optimizer.lr=0.005'],
        against={'': 'RGB'},
    ),
    _row(
        'static + dynamic, lr 0.005',
        '_static-dynamic',
        options=[_half],
        against=dict(student='RGB, lr 0.005', teacher='flow', fused='flow + RGB'),
    ),
    # Divergences that outweigh the labels?
    _inquiry(
        'BalancedWeight',
        options=[
            f'model.transfers.loss_{transfer}.loss.loss_weight.{option}'
            for transfer in ('emd', 'kld_student', 'kld_teacher')
            for option in ('_delete_=True', 'type=BalancedWeight', 'share=1.0')
        ],
    ),
    _inquiry(
        'KLD a tenth',
        options=[
            'model.transfers.loss_kld_student.loss.loss_weight=0.5',
            'model.transfers.loss_kld_teacher.loss.loss_weight=0.5',
        ],
    ),
    # Steps that are too long, or too few?
    _inquiry('lr 0.005', options=[_half]),
    _inquiry('40 epochs', epochs=40, options=['train_cfg.val_interval=40']),
    # A student that knows nothing yet?
    _inquiry('student trained before', starts=dict(teacher='flow', student='RGB')),
]
