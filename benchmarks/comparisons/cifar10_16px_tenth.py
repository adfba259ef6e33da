# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Few labels, many epochs: 5,000 images of CIFAR-10 at 16x16 for 120 epochs. ResNet-20
# learns them, which has the weights to fit them, and ResNet-8, the student of
# `cifar10_16px.py`. A trained teacher is a ResNet-20 that saw all 50,000; EKD's has 32
# layers.
metrics = ['accuracy/top1']
seeds = [0, 1, 2]
data = 'data/cifar10'
baseline = 'alone'

# Folders list one class after the other: every tenth image is a tenth of each class.
_images = ','.join(str(index) for index in range(0, 50000, 10))
_tenth = [
    f'train_dataloader.dataset.indices=[{_images}]',
    'train_cfg.val_interval=20',
]
_pair = 'resnet20_resnet8'
_taught = dict(starts=dict(teacher='teacher'))
_deep = 'model.streams.student.model.backbone.depth=20'


def _rows(name: str, config: str, *depths: str, **more) -> list[dict]:
    row = dict(config=f'configs/{config}_cifar10-16px.py', epochs=120, **more)
    small = dict(row, name=f'ResNet-8, {name}', options=_tenth, once=True)
    if name != baseline:
        small['against'] = dict(student=f'ResNet-8, {baseline}')
    return [dict(row, name=name, options=[*_tenth, *depths]), small]


rows = [
    dict(
        name='teacher', config='configs/baselines/resnet20_cifar10-16px.py', once=True
    ),
    *_rows('alone', 'baselines/resnet8', 'model.backbone.depth=20'),
    *_rows('KD (T = 4)', f'ekd/{_pair}_kd', _deep, **_taught),
    *_rows(
        'EKD', f'ekd/{_pair}', _deep, 'model.streams.teacher.model.backbone.depth=32'
    ),
    *_rows('IAKD-R', f'iakd/{_pair}_r', _deep, **_taught),
    *_rows('DTSKD, historical', 'dtskd/resnet8_historical', _deep),
    *_rows('DTSKD, structural', 'dtskd/resnet8_structural', _deep),
    *_rows('DTSKD', 'dtskd/resnet8', _deep),
]
