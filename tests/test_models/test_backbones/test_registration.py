# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Configs find the backbones by name, and those of MMPretrain stay plain."""

import pytest
import torch

from dynkd.registry import MODELS

PLAIN = {'VGG', 'ResNet_CIFAR'}


@pytest.mark.parametrize(
    'name',
    [
        'MobileNetV2_CIFAR',
        'VGG8',
        'WideResNet_CIFAR',
        'ResNet6nPlus2',
        'ResNeXt3D',
        'ResNeXt_CIFAR',
        'SEResNet_CIFAR',
        'ShuffleNetV1_CIFAR',
        'ShuffleNetV2_CIFAR',
    ],
)
def test_backbones_are_registered(name):
    found = MODELS.get(name)
    assert found.__name__ == name
    assert found.__module__.startswith('dynkd.models.backbones.')


def test_what_mmpretrain_has_is_its_own(zoo, classifier_of):
    for name, cfg in zoo.items():
        kind = cfg.backbone.type
        assert kind in PLAIN or kind.startswith('dynkd.'), name
    for name in ('vgg11', 'resnet18', 'resnet18_slim'):
        modules = classifier_of(name).modules()
        assert not any(type(m).__module__.startswith('dynkd') for m in modules), name


@pytest.mark.parametrize(
    'name',
    [
        'vgg8',
        'resnet20',
        'cheap_resnet26',
        'shufflenetv1',
        'shufflenetv1_x4',
        'senet34',
        'wrn16_2',
    ],
)
def test_a_classifier_trains_and_predicts(name, classifier_of):
    from mmpretrain.structures import DataSample

    model = classifier_of(name)
    model.init_weights()
    images = torch.randn(4, 3, 32, 32)
    samples = [DataSample().set_gt_label(index) for index in range(4)]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    losses = []
    for _ in range(5):
        loss = model.train()(images, samples, mode='loss')['loss']
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    predicted = model.eval()(images, samples, mode='predict')
    assert [sample.pred_score.numel() for sample in predicted] == [100] * 4


def test_names_of_the_base_file_are_models_alone(zoo):
    assert {cfg.type for cfg in zoo.values()} == {'ImageClassifier'}
    # It can be written to a file and read again, as a runner does.
    assert zoo.fromstring(zoo.pretty_text, '.py')._cfg_dict == zoo._cfg_dict
