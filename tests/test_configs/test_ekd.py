# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The configs of EKD say what the paper's tables say."""

from pathlib import Path

import numpy as np
import pytest
from mmengine.dataset import Compose
from mmengine.registry import TRANSFORMS, DefaultScope

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
#: Table, teacher, student, as `_base_/models/cifar_backbones.py` names them.
PAIRS = {
    'vgg19_vgg11': ('vgg19', 'vgg11'),
    'vgg11_vgg11': ('vgg11', 'vgg11'),
    'resnet50_resnet18': ('resnet50', 'resnet18'),
    'resnet18_resnet18': ('resnet18', 'resnet18'),
    'resnet101_resnet50': ('resnet101', 'resnet50'),
    'resnet50_resnet50': ('resnet50', 'resnet50'),
    'wrn50-2_wrn50-2': ('wrn50_2', 'wrn50_2'),
    'resnet18_vgg8': ('resnet18', 'vgg8'),
    'vgg11_shufflenetv1': ('vgg11', 'shufflenetv1'),
    'resnet18_shufflenetv2': ('resnet18', 'shufflenetv2'),
    'wrn50-2_shufflenetv1': ('wrn50_2', 'shufflenetv1'),
    'wrn50-2_vgg8': ('wrn50_2', 'vgg8'),
    'vgg16_vgg16': ('vgg16_3fc', 'vgg16_3fc'),
    'resnet110_resnet110': ('resnet110_bottleneck', 'resnet110_bottleneck'),
}
#: Stages of which each architecture has more or fewer than four.
STAGES = dict(vgg8=5, vgg11=5, vgg16_3fc=5, vgg19=5)
STAGES |= dict(shufflenetv1=3, shufflenetv2=3, resnet110_bottleneck=3)
LARGE = [
    f'ekd/{file.stem}'
    for file in (CONFIGS / 'ekd').glob('*.py')
    if not any(
        part in file.stem for part in ('half', 'uccs', 'kd-crd', '_kd_tiny', '0-16px')
    )
]
#: KD in the paper's tables is from CRD's code.
KD = [file.stem for file in (CONFIGS / 'ekd').glob('*.py') if 'kd-crd' in file.stem]
HEADLINE = 'ekd/resnet50_resnet18_cifar100'


@pytest.mark.parametrize('name', LARGE)
def test_recipe_is_section_iii_c(name, read):
    cfg = read(name)
    sgd = dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=5e-4)
    assert cfg.optim_wrapper == dict(type='OptimWrapper', optimizer=sgd)
    steps = dict(type='MultiStepLR', by_epoch=True, milestones=[75, 130, 180])
    assert cfg.param_scheduler == [dict(steps, gamma=0.1)]
    assert cfg.train_cfg.max_epochs == 200
    assert cfg.train_dataloader.batch_size == 64
    assert cfg.randomness.seed == 5
    assert cfg.model.transfers.loss_ekd.temperature == 4.0
    assert cfg.val_cfg.type == 'dynkd.StreamValLoop'


@pytest.mark.parametrize('name', PAIRS)
def test_pairs_are_those_of_tables_i_to_iii(name, read):
    cfg = read(f'ekd/{name}_cifar100')
    backbones = read('_base_/models/cifar_backbones')
    streams = cfg.model.streams
    for stream, architecture in zip(('teacher', 'student'), PAIRS[name]):
        assert streams[stream].model == backbones[architecture]
        assert not streams[stream].get('frozen', False)
        assert streams[stream].branches.module.type == 'GuidedModule'
        assert streams[stream].branches.loss_weight == 1.0
    weights = ('within_kl', 'within_l2', 'cross_kl', 'cross_l2')
    assert [cfg.model.transfers.loss_ekd[weight] for weight in weights] == [1.0] * 4


@pytest.mark.parametrize('name', PAIRS)
def test_guided_modules_come_in_pairs_as_wide_as_the_students_feature(name, read):
    streams = read(f'ekd/{name}_cifar100').model.streams
    # 2048 wide, they would cost more than the backbone.
    width = streams.student.model.head.in_channels
    width = 512 if width == 2048 else width
    counts = set()
    for stream, architecture in zip(('teacher', 'student'), PAIRS[name]):
        assert streams[stream].branches.module.out_channels == width
        most = STAGES.get(architecture, 4) - 1
        counts.add(streams[stream].branches.get('num', most))
        assert max(counts) <= most
    assert len(counts) == 1
    assert counts == {min(STAGES.get(own, 4) for own in PAIRS[name]) - 1}


@pytest.mark.parametrize(
    'name', sorted({own for pair in PAIRS.values() for own in pair})
)
def test_each_network_is_trained_alone_too(name, read):
    cfg = read(f'baselines/{name.replace("_", "-")}_200e_cifar100')
    assert cfg.model == read('_base_/models/cifar_backbones')[name]
    ours = read(HEADLINE)
    for key in ('optim_wrapper', 'param_scheduler', 'train_cfg', 'train_dataloader'):
        assert cfg[key] == ours[key]


@pytest.mark.parametrize(
    'row, evolutionary, teacher_guided, student_guided',
    [
        ('kd', False, False, False),
        ('kd-et', True, False, False),
        ('kd-sg', False, False, True),
        ('kd-sg-et', True, False, True),
        ('kd-tg-sg', False, True, True),
    ],
)
def test_rows_of_table_v(row, evolutionary, teacher_guided, student_guided, read):
    cfg, headline = read(f'ekd/resnet50_resnet18_{row}_cifar100'), read(HEADLINE)
    teacher, student = cfg.model.streams.teacher, cfg.model.streams.student
    assert teacher.get('frozen', False) is not evolutionary
    assert (teacher.get('checkpoint') is None) is evolutionary
    assert (teacher.branches is not None) is teacher_guided
    assert (student.branches is not None) is student_guided
    assert cfg.model.transfers == headline.model.transfers
    for stream in ('teacher', 'student'):
        assert cfg.model.streams[stream].model == headline.model.streams[stream].model


@pytest.mark.parametrize(
    'row, config, file',
    [
        ('kd', 'baselines/resnet50_200e_cifar100', 'epoch_200.pth'),
        ('kd-sg', 'baselines/resnet50_200e_cifar100', 'epoch_200.pth'),
        ('kd-tg-sg', 'ekd/resnet50-guided_cifar100', 'teacher_with-branches.pth'),
    ],
)
def test_fixed_teachers_start_from_what_another_config_writes(row, config, file, read):
    teacher = read(f'ekd/resnet50_resnet18_{row}_cifar100').model.streams.teacher
    assert teacher.checkpoint == f'work_dirs/{config.split("/")[1]}/{file}'
    source = read(config)
    if 'streams' not in source.model:
        assert source.model == teacher.model
        assert source.train_cfg.max_epochs == 200
        return
    assert source.model.streams.teacher == {
        key: value
        for key, value in teacher.items()
        if key not in ('checkpoint', 'frozen')
    }
    export = next(h for h in source.custom_hooks if h.type == 'dynkd.ExportHook')
    assert (export.streams, export.branches) == (['teacher'], True)


@pytest.mark.parametrize('num', range(4))
def test_numbers_of_guided_modules_of_fig_4(num, read):
    streams = read(f'ekd/vgg11_vgg11_guided{num}_cifar100').model.streams
    found = {name: own.branches and own.branches.num for name, own in streams.items()}
    assert found == dict(teacher=num or None, student=num or None)


@pytest.mark.parametrize(
    'part, zero',
    [
        ('', ()),
        ('_no-ld', ('within_kl',)),
        ('_no-lf', ('within_l2',)),
        ('_no-lg', ('cross_kl', 'cross_l2')),
    ],
)
def test_losses_of_fig_5(part, zero, read):
    cfg = read(f'ekd/vgg19_vgg11{part}_cifar10')
    for weight in ('within_kl', 'within_l2', 'cross_kl', 'cross_l2'):
        value = cfg.model.transfers.loss_ekd[weight]
        assert value == (0.0 if weight in zero else 1.0)
    heads = {own.model.head.num_classes for own in cfg.model.streams.values()}
    assert heads == {cfg.data_preprocessor.num_classes} == {10}
    # MMPretrain's own data set, which it downloads.
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        assert loader.dataset.type == 'CIFAR10'
    assert cfg.train_dataloader.dataset.split == 'train'
    alone = read('baselines/vgg11_200e_cifar10')
    assert alone.model == cfg.model.streams.student.model
    for key in ('train_dataloader', 'optim_wrapper', 'param_scheduler', 'randomness'):
        assert alone[key] == cfg[key]


@pytest.mark.parametrize('name', KD)
def test_kd_is_that_of_crds_code(name, read):
    cfg = read(f'ekd/{name}')
    streams = cfg.model.streams
    assert streams.teacher.frozen and streams.student.loss_weight == 0.1
    assert cfg.model.transfers == dict(
        loss_kd=dict(
            source='teacher.head',
            target='student.head',
            loss=dict(type='KLDLoss', temperature=4.0, loss_weight=0.9),
        )
    )
    sgd = dict(type='SGD', lr=0.05, momentum=0.9, weight_decay=5e-4)
    assert cfg.optim_wrapper.optimizer == sgd
    assert cfg.param_scheduler[0].milestones == [150, 180, 210]
    assert cfg.train_cfg.max_epochs == 240
    assert cfg.train_dataloader.batch_size == 64
    run = streams.teacher.checkpoint.split('/')[1]
    teacher = read(f'baselines/{run}')
    assert teacher.model == streams.teacher.model
    assert teacher.train_cfg.max_epochs == 240
    # "KD, FitNet and CRD train the teacher models on full set" (Fig. 7).
    assert teacher.train_dataloader.dataset.type == 'CIFAR100'
    assert teacher.val_dataloader == cfg.val_dataloader


def test_streams_that_are_not_completely_synchronized_see_views_of_their_own(read):
    cfg, headline = read('ekd/resnet50_resnet18_own-views_cifar100'), read(HEADLINE)
    (views,) = cfg.train_dataloader.dataset.pipeline
    assert views.type == 'dynkd.StreamViews'
    steps = headline.train_dataloader.dataset.pipeline
    for step in (*views.transforms, *steps):
        step.pop('_scope_', None)  # which MMEngine writes where scopes were crossed
    assert views.transforms == steps
    for name in views.streams:
        assert cfg.model.streams[name].pop('input') == name
    assert cfg.model == headline.model
    assert cfg.val_dataloader == headline.val_dataloader


@pytest.mark.parametrize('percent', [25, 50, 75])
def test_alone_and_kd_have_as_few_samples(percent, read):
    dataset = read(
        f'ekd/resnet50_resnet18_{percent}pct_cifar100'
    ).train_dataloader.dataset
    name = f'{percent}pct'
    alone = read(f'baselines/resnet18_{name}_200e_cifar100')
    kd = read(f'ekd/resnet50_resnet18_{name}_kd-crd_cifar100')
    assert alone.train_dataloader.dataset == kd.train_dataloader.dataset == dataset


def test_alone_and_kd_have_as_few_pixels(read):
    cfg = read('ekd/resnet50_resnet18_16px_cifar100')
    for name in (
        'baselines/resnet18_16px_200e_cifar100',
        'baselines/resnet50_16px_240e_cifar100',
        'ekd/resnet50_resnet18_16px_kd-crd_cifar100',
    ):
        assert read(name).train_dataloader == cfg.train_dataloader
        assert read(name).val_dataloader == cfg.val_dataloader


@pytest.mark.parametrize('teacher', ['resnet34', 'resnet50'])
def test_kd_on_tiny_imagenet_has_the_pair_and_the_data_of_ekd(teacher, read):
    kd, ekd = (
        read(f'ekd/{teacher}_resnet18{part}_tiny-imagenet') for part in ('_kd', '')
    )
    for name in ('teacher', 'student'):
        ours, theirs = kd.model.streams[name], ekd.model.streams[name]
        assert ours.config == theirs.config
        assert ours.model == theirs.model
    run = f'{teacher}_tiny-imagenet'
    assert kd.model.streams.teacher.checkpoint == f'work_dirs/{run}/epoch_200.pth'
    assert read(f'baselines/{run}').train_cfg.max_epochs == 200
    for key in ('train_dataloader', 'optim_wrapper', 'param_scheduler'):
        assert kd[key] == ekd[key] == read(f'baselines/{run}')[key]


@pytest.mark.parametrize('percent', [25, 50, 75])
def test_few_samples_of_fig_7(percent, read):
    few, all_samples = (
        read(f'ekd/resnet50_resnet18_{percent}pct_cifar100'),
        read(HEADLINE),
    )
    assert few.model == all_samples.model
    assert few.val_dataloader == all_samples.val_dataloader
    dataset = few.train_dataloader.dataset
    assert dataset.type == 'dynkd.ClassBalancedSubset'
    assert dataset.ratio == percent / 100
    assert dataset.dataset == all_samples.train_dataloader.dataset


@pytest.mark.parametrize(
    'name',
    [
        'resnet50_resnet18_16px_cifar100',
        'resnet50_resnet18_16px_kd-crd_cifar100',
        'resnet50_resnet18slim_umdfaces',
        'resnet18slim_uccs',
    ],
)
def test_low_resolution_in_training_and_test(name, read):
    cfg = read(f'ekd/{name}')
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        sizes = [t.get('size') for t in loader.dataset.pipeline if 'Low' in t.type]
        assert sizes == [16]
    for stream in cfg.model.get('streams', {}).values():
        assert stream.input_shape == (3, 16, 16)


@pytest.mark.parametrize('loader', ['train_dataloader', 'val_dataloader'])
def test_models_are_given_images_of_16x16(loader, read):
    cfg = read('ekd/resnet50_resnet18_16px_cifar100')
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    results = dict(img=image, gt_label=3, ori_shape=(32, 32), sample_idx=7)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        pipeline = Compose(
            [TRANSFORMS.build(step) for step in cfg[loader].dataset.pipeline]
        )
    packed = pipeline(dict(results, img_shape=(32, 32)))
    assert packed['inputs'].shape == (3, 16, 16)
    assert packed['data_samples'].sample_idx == 7


def test_faces_of_table_vi(read):
    faces, uccs = (
        read(f'ekd/{name}')
        for name in ('resnet50_resnet18slim_umdfaces', 'resnet18slim_uccs')
    )
    student = faces.model.streams.student.model
    for cfg, model in ((faces, student), (uccs, uccs.model)):
        assert model.head.num_classes == cfg.data_preprocessor.num_classes
    assert {s.model.head.num_classes for s in faces.model.streams.values()} == {8277}
    start = uccs.model.backbone.pop('init_cfg')
    assert start.checkpoint == 'work_dirs/resnet50_resnet18slim_umdfaces/student.pth'
    assert start.prefix == 'backbone.'
    assert uccs.model.backbone == student.backbone


def test_small_pair_is_the_one_of_dkd(read):
    for data in ('digits', 'cifar10'):
        ours = read(f'ekd/resnet18_resnet18half_{data}')
        theirs = read(f'dkd/resnet18_resnet18half_{data}')
        for stream in ('teacher', 'student'):
            model = ours.model.streams[stream].model
            assert model == theirs.model.streams[stream].model
        assert ours.train_dataloader == theirs.train_dataloader
        assert ours.train_cfg == theirs.train_cfg
