# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Few labels, many epochs: where a student fits its images of CIFAR-10 at 16x16.
# ResNet-20 learns 1,000 of them in 600 epochs, or 5,000 in 120; ResNet-8, the student
# of `cifar10_16px.py`, has not the weights to fit those. A trained teacher is a
# ResNet-20 that saw all 50,000; EKD's has 32 layers.
metrics = ['accuracy/top1']
seeds = [0]
data = 'data/cifar10'
baseline = 'alone'

_pair = 'resnet20_resnet8'
_taught = dict(starts=dict(teacher='teacher'))
_deep = 'model.streams.student.model.backbone.depth=20'


def _images(every: int, interval: int) -> list[str]:
    # Folders list one class after the other: each class has as many images.
    indices = ','.join(str(index) for index in range(0, 50000, every))
    return [
        f'train_dataloader.dataset.indices=[{indices}]',
        f'train_cfg.val_interval={interval}',
    ]


def _rows(name: str, config: str, *depths: str, **more) -> list[dict]:
    row = dict(config=f'configs/{config}_cifar10-16px.py', **more)
    rows = [dict(row, name=name, epochs=600, options=[*_images(50, 100), *depths])]
    for kind, own in (('5,000 images', depths), ('5,000 images, ResNet-8', ())):
        few = dict(name=f'{name}, {kind}', epochs=120, once=True)
        few['options'] = [*_images(10, 20), *own]
        if name != baseline:
            few['against'] = dict(student=f'{baseline}, {kind}')
        rows.append(dict(row, **few))
    return rows


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
