# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The configs of DTSKD say what the paper's tables say."""

import pytest
import torch
from mmengine.hub import get_config
from mmengine.registry import MODELS, DefaultScope

#: alpha_1 and alpha_2 of the rows of Table 1; the paper has those of three.
WEIGHTS = {
    'vgg11': (0.2, 0.8),
    'vgg16': (0.6, 0.4),
    'resnet18': (0.2, 0.8),
    'resnext18': (0.8, 0.2),
    'senet34': (0.2, 0.8),
    'shufflenetv2': (0.2, 0.8),
}
COSINE = dict(type='CosineSchedule', start=0.9, stop=0.0, begin=-1)


def group(cfg):
    """The transfers of DTSKD in a config."""
    return cfg.model.transfers.loss_dtskd


@pytest.mark.parametrize('name', WEIGHTS)
def test_rows_of_table_1(name, read):
    cfg = read(f'dtskd/{name}_cifar100')
    found = group(cfg)
    assert (found.historical, found.structural) == WEIGHTS[name]
    assert found.beta == COSINE
    assert found.temperature == 4.0
    # 3 for the head and 1 for each branch.
    assert found.get('level_weights') is None
    student = cfg.model.streams.student
    assert student.loss_weight == student.branches.loss_weight == 0.0
    assert student.branches.module.fusion == 'mixed'
    # Algorithm 1 has three branches; four stages have three by themselves.
    stages = len(student.branches.get('stages', range(4)))
    assert student.branches.get('num', stages - 1) == 3


@pytest.mark.parametrize('name', WEIGHTS)
def test_each_network_is_trained_alone_with_the_same_recipe(name, read):
    cfg, alone = (
        read(f'{n}_cifar100') for n in (f'dtskd/{name}', f'baselines/{name}_300e')
    )
    assert alone.model == cfg.model.streams.student.model
    for key in ('optim_wrapper', 'param_scheduler', 'train_cfg', 'train_dataloader'):
        assert alone[key] == cfg[key]
    sgd = dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=5e-4)
    assert cfg.optim_wrapper.optimizer == sgd
    assert cfg.param_scheduler[0].milestones == [150, 225]
    assert cfg.train_cfg.max_epochs == 300
    assert cfg.train_dataloader.batch_size == 128


@pytest.mark.parametrize('name', ['vgg16', 'resnet18', 'shufflenetv2'])
def test_rows_of_table_6(name, read):
    both = group(read(f'dtskd/{name}_cifar100'))
    historical = group(read(f'dtskd/{name}_historical_cifar100'))
    structural = group(read(f'dtskd/{name}_structural_cifar100'))
    assert historical == dict(both, historical=1.0, structural=0.0)
    assert structural == dict(both, beta=1.0)


def test_columns_of_table_7(read):
    all_branches = read('dtskd/resnet18_no-fusion_cifar100').model
    assert all_branches.streams.student.branches.module.fusion == 'none'
    for index in range(3):
        model = read(f'dtskd/resnet18_no-fusion-{index + 1}_cifar100').model
        one = model.transfers.pop('loss_stru')
        assert one.target == f'student.branches.{index}.fc'
        # The same as the group's of all branches, of one.
        structural = all_branches.transfers.loss_dtskd.structural
        kld = dict(type='KLDLoss', temperature=4.0, loss_weight=structural)
        assert one.loss == kld
        assert model.transfers.loss_dtskd.structural == 0.0
        model.transfers.loss_dtskd.structural = structural
        assert model == all_branches


@pytest.mark.parametrize('name', ['vgg16', 'resnet18'])
@pytest.mark.parametrize('fusion', ['add', 'concat'])
def test_rows_of_table_8(name, fusion, read):
    own = read(f'dtskd/{name}_{fusion}_cifar100').model
    module = own.streams.student.branches.module
    assert module.fusion == fusion
    module.fusion = 'mixed'
    assert own == read(f'dtskd/{name}_cifar100').model


@pytest.mark.parametrize(
    'name, beta',
    [
        ('fixed06', 0.6),
        ('fixed07', 0.7),
        ('fixed08', 0.8),
        ('cosine', dict(COSINE, stop=0.1)),
        ('linear', dict(COSINE, type='LinearSchedule', stop=0.1)),
        ('beta10-00', dict(COSINE, start=1.0)),
        ('beta06-00', dict(COSINE, start=0.6)),
        ('beta08-00', dict(COSINE, start=0.8)),
        ('beta07-00', dict(COSINE, start=0.7)),
        ('beta10-01', dict(COSINE, start=1.0, stop=0.1)),
        ('beta10-02', dict(COSINE, start=1.0, stop=0.2)),
        ('beta10-03', dict(COSINE, start=1.0, stop=0.3)),
        ('beta10-04', dict(COSINE, start=1.0, stop=0.4)),
        ('beta10-05', dict(COSINE, start=1.0, stop=0.5)),
    ],
)
def test_beta_of_tables_9_and_10(name, beta, read):
    headline = group(read('dtskd/resnet18_cifar100'))
    found = group(read(f'dtskd/resnet18_{name}_cifar100'))
    assert found == dict(headline, beta=beta)


@pytest.mark.parametrize('name', ['vgg16', 'shufflenetv2'])
@pytest.mark.parametrize(
    'row, beta',
    [
        ('fixed06', 0.6),
        ('fixed07', 0.7),
        ('fixed08', 0.8),
        ('cosine', dict(COSINE, stop=0.1)),
        ('linear', dict(COSINE, type='LinearSchedule', stop=0.1)),
    ],
)
def test_other_columns_of_table_9(name, row, beta, read):
    headline = group(read(f'dtskd/{name}_cifar100'))
    found = group(read(f'dtskd/{name}_{row}_cifar100'))
    assert found == dict(headline, beta=beta)


@pytest.mark.parametrize('name, best', [('vgg16', 6), ('resnext18', 8)])
def test_columns_of_table_11(name, best, read):
    headline = read(f'dtskd/{name}_cifar100').model
    for tenths in {2, 4, 6, 8} - {best}:
        found = read(f'dtskd/{name}_hd{tenths:02d}_cifar100').model
        own = found.transfers.loss_dtskd
        assert (own.historical, own.structural) == (tenths / 10, (10 - tenths) / 10)
        own.update(group_weights(headline))
        assert found == headline


def group_weights(model):
    """alpha_1 and alpha_2 of a model."""
    own = model.transfers.loss_dtskd
    return dict(historical=own.historical, structural=own.structural)


def test_vgg16_of_the_released_code_has_three_layers_in_its_head(read):
    ours, plain = (
        read(f'dtskd/{name}_cifar100').model for name in ('vgg16-3fc', 'vgg16')
    )
    student = ours.streams.student
    assert student.model == read('baselines/vgg16-3fc_300e_cifar100').model
    assert student.model.head.mid_channels == [512, 512]
    student.model = plain.streams.student.model
    assert ours == plain


def test_table_12_reports_the_branches(read):
    cfg = read('dtskd/resnet18_structural_branches_cifar100')
    assert cfg.val_cfg == dict(type='dynkd.StreamValLoop', branches=True)
    assert cfg.model == read('dtskd/resnet18_structural_cifar100').model


@pytest.mark.parametrize('name', ['resnet18', 'vgg16', 'resnet152'])
def test_imagenet_is_section_4_1(name, read):
    cfg = read(f'dtskd/{name}_in1k')
    found = group(cfg)
    assert (found.historical, found.structural) == (0.9, 0.1)
    assert tuple(found.level_weights) == (4.0, 1.0, 1.0, 1.0)
    assert found.beta == dict(COSINE, start=1.0, stop=0.8)
    sgd = dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=1e-4)
    assert cfg.optim_wrapper.optimizer == sgd
    assert cfg.param_scheduler[0].milestones == [30, 60]
    assert cfg.train_cfg.max_epochs == 90
    assert cfg.train_dataloader.batch_size * 8 == 256


def test_the_detector_takes_the_exported_backbone_whole(read):
    cfg = read('dtskd/faster-rcnn_r152_voc0712')
    start = cfg.model.backbone.init_cfg
    assert start.checkpoint == 'work_dirs/resnet152_in1k/student.pth'
    source = read('dtskd/resnet152_in1k').model.streams.student.config
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        classifier = MODELS.build(get_config(source).model)
    with DefaultScope.overwrite_default_scope('mmdet'), torch.device('meta'):
        backbone = MODELS.build(cfg.model.backbone)
    given = {
        key.removeprefix(start.prefix): value.shape
        for key, value in classifier.state_dict().items()
        if key.startswith(start.prefix)
    }
    assert given == {key: v.shape for key, v in backbone.state_dict().items()}


def test_the_detector_of_the_baseline_differs_in_its_backbones_weights(read):
    plain, ours = (
        read(f'dtskd/faster-rcnn_r152_{part}voc0712') for part in ('plain_', '')
    )
    start = plain.model.backbone.init_cfg
    assert 'resnet152_8xb32_in1k' in start.checkpoint
    start.checkpoint = ours.model.backbone.init_cfg.checkpoint
    assert plain.model == ours.model
    assert plain.train_dataloader == ours.train_dataloader


def test_the_detector_has_the_papers_schedule(read):
    cfg = read('dtskd/faster-rcnn_r152_voc0712')
    assert cfg.model.roi_head.bbox_head.num_classes == 20
    assert cfg.train_cfg.max_epochs == 10
    assert cfg.optim_wrapper.optimizer.lr == 0.001
    assert [own.milestones for own in cfg.param_scheduler] == [[5]]
    assert cfg.train_dataloader.batch_size == 1
    # An epoch sees every image once.
    assert cfg.train_dataloader.dataset.times == 1


@pytest.mark.parametrize('data', ['digits', 'cifar10'])
def test_small_student_is_the_one_of_dkd(data, read):
    ours = read(f'dtskd/resnet18half_{data}')
    theirs = read(f'dkd/resnet18_resnet18half_{data}')
    model = ours.model.streams.student.model
    assert model == theirs.model.streams.student.model
    assert ours.train_dataloader == theirs.train_dataloader


@pytest.mark.parametrize('data', ['digits', 'cifar10'])
def test_dkd_with_history_is_dkd_and_one_transfer_more(data, read):
    both = read(f'dkd/resnet18_resnet18half_historical_{data}').model
    alone = read(f'dkd/resnet18_resnet18half_{data}').model
    historical = both.transfers.pop('loss_his')
    assert both.pop('stores') == dict(history=dict(format='float32'))
    # The label is in the historical transfer.
    assert both.streams.student.pop('loss_weight') == 0.0
    assert both == alone
    assert historical.source == 'history.student.head'
    assert historical.loss.beta == COSINE
