# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The classification configs of DPK say what the paper says."""

from pathlib import Path

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS, DefaultScope

from dynkd.models.schedules import Progress

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
CIFAR100 = sorted(file.stem for file in (CONFIGS / 'dpk').glob('*_cifar100.py'))
IN1K = sorted(
    file.stem
    for file in (CONFIGS / 'dpk').glob('*_in1k.py')
    if '_kd_' not in file.stem and '_takd_' not in file.stem
)
#: Table 11: teacher, and what it starts from, of each step of TAKD.
TAKD = {
    'resnet101_resnet50_takd': 'https://download.openmmlab.com/',
    'resnet50_resnet34_takd': 'work_dirs/resnet101_resnet50_takd_in1k/student.pth',
    'resnet34_resnet18_takd': 'work_dirs/resnet50_resnet34_takd_in1k/student.pth',
}
#: The six pairs of Table 1 and of Fig. 6, by their names in `cifar_backbones.py`.
PAIRS = {
    ('wrn40_2', 'wrn16_2'),
    ('wrn40_2', 'wrn40_1'),
    ('resnet56', 'resnet20'),
    ('resnet110', 'resnet32'),
    ('resnet32x4', 'resnet8x4'),
    ('vgg13', 'vgg8'),
    ('vgg13', 'mobilenetv2_half'),
    ('resnet50', 'mobilenetv2_half'),
    ('resnet50', 'vgg8'),
    ('resnet32x4', 'shufflenetv1'),
    ('resnet32x4', 'shufflenetv2'),
    ('wrn40_2', 'shufflenetv1'),
}
#: What the rows of Tables 5 to 9 and 17 change in the connector, ResNet34 -> ResNet18.
ROWS = {
    'fixed055': dict(ratio=0.55),
    'block': dict(mask='block', ratio=0.55),
    'grid': dict(mask='grid', ratio=0.75),
    'cosine': dict(ratio=dict(type='CosineRatio')),
    'exponential': dict(ratio=dict(type='ExponentialSchedule', start=1.0, gamma=0.95)),
    'linear': dict(ratio=dict(type='LinearSchedule', start=1.0, stop=0.05)),
    'zero': dict(fill='zero'),
    'token': dict(fill='token'),
    'mlp-decoder': dict(transform='mlp', encoder_depth=None),
    'conv': dict(transform='conv', encoder_depth=2, decoder_depth=2),
    'non-masked': dict(loss_on='non_masked'),
    '1-1': dict(encoder_depth=1, decoder_depth=1),
}
SGD = dict(type='SGD', momentum=0.9)
HEADLINE = 'dpk/resnet34_resnet18_in1k'


def check_losses(model, temperature):
    """alpha, beta and T of appendix A.2."""
    assert model.streams.teacher.frozen
    feature = dict(type='FeatureLoss', kind='mse', loss_weight=0.2)
    assert model.transfers.loss_dpk.loss == feature
    assert model.transfers.loss_kd == dict(
        source='teacher.head',
        target='student.head',
        loss=dict(type='KLDLoss', temperature=temperature, loss_weight=0.8),
    )


def check_headline(connector):
    """What appendix A.2 says of the transformation modules."""
    assert connector.type == 'PriorKnowledge'
    assert (connector.encoder_depth, connector.decoder_depth) == (6, 6)
    assert connector.ratio == dict(type='CKARatio', window=1)
    assert connector.mask == 'random'
    assert connector.fill == 'teacher'
    assert connector.loss_on == 'full'


def test_pairs_are_those_of_table_1_and_fig_6():
    names = {f'{t}_{s}_cifar100'.replace('_', '-') for t, s in PAIRS}
    assert {name.replace('_', '-') for name in CIFAR100} == names


@pytest.mark.parametrize('pair', sorted(PAIRS))
def test_cifar100_is_appendix_a_2(pair, read):
    names = [name.replace('_', '-') for name in pair]
    cfg = read(f'dpk/{"_".join(names)}_cifar100')
    check_losses(cfg.model, 4.0)
    check_headline(cfg.model.transfers.loss_dpk.connector)
    assert cfg.optim_wrapper.optimizer == dict(SGD, lr=0.05, weight_decay=5e-4)
    assert cfg.param_scheduler[0].milestones == [150, 180, 210]
    assert cfg.param_scheduler[0].gamma == 0.1
    assert cfg.train_cfg.max_epochs == 240
    assert cfg.train_dataloader.batch_size == 64
    backbones = read('_base_/models/cifar_backbones')
    for stream, own, name in zip(('teacher', 'student'), pair, names):
        alone = read(f'baselines/{name}_240e_cifar100')
        assert cfg.model.streams[stream].model == alone.model == backbones[own]
        for key in ('optim_wrapper', 'param_scheduler', 'train_dataloader'):
            assert alone[key] == cfg[key]
    start = cfg.model.streams.teacher.checkpoint
    assert start == f'work_dirs/{names[0]}_240e_cifar100/epoch_240.pth'


@pytest.mark.parametrize('name', IN1K)
def test_imagenet_is_appendix_a_2(name, read):
    cfg = read(f'dpk/{name}')
    check_losses(cfg.model, 1.0)
    streams = cfg.model.streams
    assert streams.teacher.checkpoint.startswith('https://download.openmmlab.com/')
    assert streams.student.get('checkpoint') is None
    assert {own.input_shape for own in streams.values()} == {(3, 224, 224)}
    if cfg.optim_wrapper.optimizer.type == 'AdamW':
        assert cfg.train_cfg.max_epochs == 300
        return
    assert cfg.optim_wrapper.optimizer == dict(SGD, lr=0.1, weight_decay=1e-4)
    assert cfg.param_scheduler[0].milestones == [25, 50, 75]
    assert cfg.param_scheduler[0].gamma == 0.5
    assert cfg.train_cfg.max_epochs == 100
    assert 8 * cfg.train_dataloader.batch_size == 256


@pytest.mark.parametrize(
    'name', [n for n in IN1K if not n.startswith('resnet34_resnet18_')]
)
def test_connectors_and_augmentations_fit_both_classifiers(name, read, resolve):
    cfg = read(f'dpk/{name}')
    connector = cfg.model.transfers.loss_dpk.connector
    for own in cfg.model.streams.values():
        own.checkpoint = None
    mixed = []
    for stream in ('teacher', 'student'):
        model = resolve(cfg, stream).model
        assert connector[f'{stream}_channels'] == model.head.in_channels
        mixed.append((model.get('train_cfg') or {}).get('augments'))
    # Both see the same images.
    assert mixed[0] == mixed[1]


@pytest.mark.parametrize('name', [*TAKD, 'resnet34_resnet18_kd'])
def test_kd_on_imagenet_is_what_dpk_has_besides_the_feature(name, read):
    cfg, ours = read(f'dpk/{name}_in1k'), read(HEADLINE)
    assert cfg.model.transfers == dict(loss_kd=ours.model.transfers.loss_kd)
    assert cfg.model.streams.student.loss_weight == 1.0
    for key in ('optim_wrapper', 'param_scheduler', 'train_dataloader', 'train_cfg'):
        assert cfg[key] == ours[key]


def test_each_assistant_of_takd_teaches_the_next(read):
    before = None
    for name, start in TAKD.items():
        cfg = read(f'dpk/{name}_in1k')
        teacher, student = cfg.model.streams.teacher, cfg.model.streams.student
        assert teacher.frozen and teacher.checkpoint.startswith(start)
        assert before in (None, teacher.config)
        before = student.config
        export = [h for h in cfg.custom_hooks if h.type == 'dynkd.ExportHook']
        assert export[0].streams == ['student']
    assert 'resnet18_' in before


@pytest.mark.parametrize(('data', 'classes'), [('stl10', 10), ('tiny-imagenet', 200)])
def test_linear_probing_trains_a_linear_layer_alone(data, classes, read):
    cfg = read(f'dpk/wrn16-2_linear_{data}')
    source = read('dpk/wrn40-2_wrn16-2_cifar100')
    start = cfg.model.backbone.pop('init_cfg')
    assert start.checkpoint == 'work_dirs/wrn40-2_wrn16-2_cifar100/student.pth'
    preprocessor = source.data_preprocessor
    for key in ('mean', 'std'):
        assert cfg.data_preprocessor[key] == preprocessor[key]
    # CIFAR-100 is read as RGB, files are read as BGR.
    assert not preprocessor.get('to_rgb') and cfg.data_preprocessor.to_rgb
    assert cfg.data_preprocessor.num_classes == classes
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        student = MODELS.build(source.model.streams.student.model)
        model = MODELS.build(cfg.model)
    model.backbone.load_state_dict(student.backbone.state_dict())
    trained = {n: p.shape for n, p in model.named_parameters() if p.requires_grad}
    assert trained == {'head.fc.weight': (classes, 128), 'head.fc.bias': (classes,)}
    model.train()
    before = {key: own.clone() for key, own in model.backbone.state_dict().items()}
    model.extract_feat(torch.rand(4, 3, 32, 32))
    after = model.backbone.state_dict()
    assert all(torch.equal(own, after[key]) for key, own in before.items())


def test_convnext_e_is_trained_as_convnext_t(read, read_offline, resolve):
    distilled = resolve(read_offline('dpk/convnext-t_convnext-e_in1k'), 'student').model
    alone = read('baselines/convnext-e_in1k').model
    assert distilled.backbone == alone.backbone
    assert alone.backbone.drop_path_rate == 0.1


@pytest.mark.parametrize('row', ROWS)
def test_rows_of_the_ablations(row, read):
    headline = read(HEADLINE).model
    check_headline(headline.transfers.loss_dpk.connector)
    found = read(f'dpk/resnet34_resnet18_{row}_in1k').model
    connector = found.transfers.loss_dpk.connector
    assert connector == dict(headline.transfers.loss_dpk.connector, **ROWS[row])
    # Nothing else is another.
    found.transfers.loss_dpk.connector = headline.transfers.loss_dpk.connector
    assert found == headline
    with DefaultScope.overwrite_default_scope('dynkd'):
        module = MODELS.build(connector)
    maps = torch.rand(4, 512, 7, 7), torch.rand(4, 512, 7, 7)
    with torch.no_grad():
        found = module.eval()(*maps, progress=Progress.beginning())
    assert found.shape == maps[1].shape


def test_the_best_ratio_of_resnet101_is_another(read):
    headline = read('dpk/resnet101_resnet18_in1k').model.transfers
    fixed = read('dpk/resnet101_resnet18_fixed075_in1k').model.transfers
    headline.loss_dpk.connector.ratio = 0.75
    assert fixed == headline


@pytest.fixture(scope='module')
def build(read_offline):
    """Builds a distillation from its config, which tries its transfers out."""

    def build(name: str):
        cfg = read_offline(f'dpk/{name}')
        with DefaultScope.overwrite_default_scope(cfg.default_scope):
            return MODELS.build(cfg.model)

    return build


@pytest.mark.parametrize(
    'name',
    [
        'wrn40-2_wrn40-1_cifar100',
        'vgg13_mobilenetv2-half_cifar100',
        'resnet50_vgg8_cifar100',
        'resnet32x4_shufflenetv1_cifar100',
        'resnet18_resnet18half_digits',
        'efficientnet-b0_resnet18_in1k',
        'convnext-t_convnext-e_in1k',
        'convnext-t_resnet18_in1k',
        'xcit-s24_deit-tiny_in1k',
    ],
)
def test_features_of_both_streams_fit_the_connector(name, build):
    transfers = build(name).transfers
    assert set(transfers) == {'loss_dpk', 'loss_kd'}
    assert type(transfers['loss_dpk'].connector).__name__ == 'PriorKnowledge'


def test_position_embeddings_have_no_weight_decay(read, build):
    name = 'xcit-s24_deit-tiny_in1k'
    model, settings = build(name), read(f'dpk/{name}').optim_wrapper
    decays = {
        id(group['params'][0]): group['weight_decay']
        for group in build_optim_wrapper(model, settings).optimizer.param_groups
    }
    found = {n: decays[id(p)] for n, p in model.named_parameters()}
    connector = 'transfers.loss_dpk.connector.levels.0'
    for part in ('student_encoder', 'teacher_encoder', 'decoder'):
        assert found.pop(f'{connector}.{part}.positions.vectors') == 0
    assert found.pop('streams.student.backbone.pos_embed') == 0
    assert found[f'{connector}.decoder.patches.weight'] == 0.05


def test_four_stages_have_shallower_decoders(read, build):
    name = 'resnet34_resnet18_multi-stage_in1k'
    connector = read(f'dpk/{name}').model.transfers.loss_dpk.connector
    assert (connector.encoder_depth, connector.decoder_depth) == (6, 4)
    assert len(build(name).transfers['loss_dpk'].connector.levels) == 4


def test_fitnets_has_a_linear_map_alone(build):
    transfer = build('resnet34_resnet18_fitnets_in1k').transfers['loss_dpk']
    assert transfer.connector is None
    kernels = [p for p in transfer.target_connector.parameters() if p.dim() == 4]
    assert [tuple(kernel.shape) for kernel in kernels] == [(512, 512, 1, 1)]


def test_kd_is_what_is_left_without_the_feature(read):
    transfers = read('dpk/resnet18_resnet18half_kd_cifar10').model.transfers
    both = read('dpk/resnet18_resnet18half_cifar10').model.transfers
    assert transfers == dict(loss_kd=both.loss_kd)


@pytest.mark.parametrize('ratio', ['025', '055', '075'])
def test_fixed_ratios_of_the_small_pair(ratio, read):
    dynamic = read('dpk/resnet18_resnet18half_cifar10').model
    fixed = read(f'dpk/resnet18_resnet18half_fixed{ratio}_cifar10').model
    dynamic.transfers.loss_dpk.connector.ratio = int(ratio) / 100
    assert fixed == dynamic


@pytest.mark.parametrize('data', ['digits', 'cifar10'])
def test_the_small_pair_is_the_one_of_dkd(data, read):
    ours = read(f'dpk/resnet18_resnet18half_{data}')
    theirs = read(f'dkd/resnet18_resnet18half_{data}')
    check_losses(ours.model, 4.0)
    check_headline(ours.model.transfers.loss_dpk.connector)
    teacher = theirs.model.streams.teacher.checkpoint
    assert ours.model.streams.teacher.checkpoint == teacher
    for stream in ('teacher', 'student'):
        own = ours.model.streams[stream].model
        assert own == theirs.model.streams[stream].model
    assert ours.train_dataloader == theirs.train_dataloader
