# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# All methods, for one pair, on all of CIFAR-10 at 16x16: ResNet-20 teaches ResNet-8. 30
# epochs, with drops of the learning rate after 15 and 23.
metrics = ['accuracy/top1']
seeds = [0, 1, 2]
data = 'data/cifar10'
baseline = 'student alone'

_pair = 'resnet20_resnet8'
_teacher = dict(teacher='teacher')


def _row(
    name: str, folder: str, kind: str = '', starts: dict = _teacher, **more
) -> dict:
    return dict(
        name=name,
        config=f'configs/{folder}/{_pair}{kind}_cifar10-16px.py',
        starts=starts,
        **more,
    )


def _inquiry(name: str, row: dict, *options: str) -> dict:
    own = dict(once=True, options=list(options), against=dict(student=row['name']))
    return {**row, **own, 'name': f'{row["name"]}, {name}', 'streams': ['student']}


def _longer(row: dict) -> dict:
    own = dict(name=f'{row["name"]}, 60 epochs', epochs=60, once=True)
    control = dict(against=dict(student=f'{_alone["name"]}, 60 epochs'))
    return {**row, **own, **({} if row is _alone else control)}


_both = dict(streams=['student', 'teacher'], against=dict(teacher='teacher'))
_alone = dict(name='student alone', config='configs/baselines/resnet8_cifar10-16px.py')
_dkd = _row('DKD', 'dkd', **_both)
_ekd = _row('EKD', 'ekd', starts={}, **_both)
_iakd_u = _row('IAKD-U', 'iakd', '_u')
_iakd_r = _row('IAKD-R', 'iakd', '_r')
_dtskd = dict(name='DTSKD', config='configs/dtskd/resnet8_cifar10-16px.py')
rows = [
    dict(
        name='teacher', config='configs/baselines/resnet20_cifar10-16px.py', once=True
    ),
    _alone,
    _row('KD (T = 4)', 'ekd', '_kd'),
    _dkd,
    _row('DKD, static to dynamic', 'dkd', '_static-dynamic', **_both),
    _ekd,
    _row('DPK', 'dpk'),
    _iakd_u,
    _iakd_r,
    _row('IAKD-R + HKD', 'iakd', '_r-hkd'),
    *(
        dict(
            name=f'DTSKD, {kind}',
            config=f'configs/dtskd/resnet8_{kind}_cifar10-16px.py',
        )
        for kind in ('historical', 'structural')
    ),
    _dtskd,
    _row('DPK + IAKD-R', 'dpk', '_iakd'),
    _row('DKD + history', 'dkd', '_historical', **_both),
    # The student's transfers as large as its own loss at the beginning.
    _inquiry(
        'BalancedWeight',
        _dkd,
        *(
            f'model.transfers.{transfer}.loss.loss_weight.{option}'
            for transfer in ('loss_emd', 'loss_kld_student')
            for option in ('_delete_=True', 'type=BalancedWeight', 'share=1.0')
        ),
    ),
    # KD's temperature: what softened predictions tell beside the labels.
    _inquiry('T = 4', _dkd, 'model.transfers.loss_kld_student.loss.temperature=4.0'),
    _inquiry('lr 0.05', _dkd, 'optim_wrapper.streams.student.optimizer.lr=0.05'),
    # Why a method loses: steps that are too long or too short for its losses' sum, or
    # losses that count too much beside the label's.
    _inquiry('lr 0.03', _ekd, 'optim_wrapper.optimizer.lr=0.03'),
    _inquiry(
        'KL a sixteenth',
        _ekd,
        'model.transfers.loss_ekd.within_kl=0.0625',
        'model.transfers.loss_ekd.cross_kl=0.0625',
    ),
    _inquiry('p = 0.97', _iakd_u, 'model.interaction.probability=0.97'),
    _inquiry('lr 0.05', _iakd_r, 'optim_wrapper.optimizer.lr=0.05'),
    _inquiry('lr 0.2', _dtskd, 'optim_wrapper.optimizer.lr=0.2'),
    # The paper's setting for ImageNet, whose label keeps most of the weight.
    _inquiry(
        'beta of ImageNet',
        _dtskd,
        'model.transfers.loss_dtskd.beta.start=1.0',
        'model.transfers.loss_dtskd.beta.stop=0.8',
    ),
    # Trainings of the papers are longer: here they are, twice as long as the others.
    *(_longer(row) for row in (_alone, _dkd, _ekd, _iakd_r, _dtskd)),
]
