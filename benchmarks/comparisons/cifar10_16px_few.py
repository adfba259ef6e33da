# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Few labels, many epochs: where a student fits its images of CIFAR-10 at 16x16.
# ResNet-20 learns 1,000 of them in 600 epochs, or 5,000 in 120; ResNet-8, the student
# of `cifar10_16px.py`, has not the weights to fit those. A trained teacher is a
# ResNet-20 that saw all 50,000; EKD's has 32 layers.
metrics = ['accuracy/top1']
seeds = [0, 1, 2]
data = 'data/cifar10'

_pair = 'resnet20_resnet8'
_taught = dict(starts=dict(teacher='teacher'))
_deep = 'model.streams.student.model.backbone.depth=20'


def _few(every: int, epochs: int) -> dict:
    # Folders list one class after the other: each class has as many images.
    indices = ','.join(str(index) for index in range(0, 50000, every))
    options = [
        f'train_dataloader.dataset.indices=[{indices}]',
        f'train_cfg.val_interval={epochs // 6}',
    ]
    return dict(epochs=epochs, options=options)


_kinds = {
    '1,000 images': _few(50, 600),
    '5,000 images': _few(10, 120),
    '5,000 images, ResNet-8': _few(10, 120),
}


def _rows(
    name: str, config: str, *depths: str, once: bool = True, **more
) -> list[dict]:
    rows = []
    for kind, few in _kinds.items():
        own = () if kind.endswith('ResNet-8') else depths
        row = dict(
            more,
            name=f'{name}, {kind}',
            config=f'configs/{config}_cifar10-16px.py',
            once=once or kind != '1,000 images',
            epochs=few['epochs'],
            options=[*few['options'], *own],
        )
        if name != 'alone':
            row['against'] = dict(student=f'alone, {kind}')
        rows.append(row)
    return rows


rows = [
    dict(
        name='teacher', config='configs/baselines/resnet20_cifar10-16px.py', once=True
    ),
    *_rows('alone', 'baselines/resnet8', 'model.backbone.depth=20', once=False),
    *_rows('KD (T = 4)', f'ekd/{_pair}_kd', _deep, **_taught),
    *_rows(
        'EKD',
        f'ekd/{_pair}',
        _deep,
        'model.streams.teacher.model.backbone.depth=32',
        once=False,
    ),
    *_rows('IAKD-R', f'iakd/{_pair}_r', _deep, **_taught),
    *_rows('DTSKD, historical', 'dtskd/resnet8_historical', _deep),
    *_rows('DTSKD, structural', 'dtskd/resnet8_structural', _deep),
    *_rows('DTSKD', 'dtskd/resnet8', _deep),
]
