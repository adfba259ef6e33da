# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""RGB and flow of the same videos, fused: two streams with two inputs."""

import pytest
import torch
from torch.utils.data import Dataset

pytest.importorskip('mmaction')

MEANS = dict(rgb=[114.7748, 107.7354, 99.475], flow=[127.5, 127.5])
CHANNELS = dict(rgb=3, flow=2)
STREAMS = dict(student='rgb', teacher='flow')
#: Clips of each video.
CLIPS = (1, 3, 2, 1, 2, 1)


class Videos(Dataset):
    """Videos of different lengths, all clips of each, as frames and as flow."""

    metainfo = dict(classes=tuple('abc'))

    def __len__(self):
        return len(CLIPS)

    def __getitem__(self, index):
        from mmaction.structures import ActionDataSample

        draw = torch.Generator().manual_seed(index)
        inputs = {
            name: torch.randint(
                0, 256, (CLIPS[index], count, 4, 16, 16), generator=draw
            ).to(torch.uint8)
            for name, count in CHANNELS.items()
        }
        sample = ActionDataSample().set_gt_label(index % 3)
        return dict(inputs=inputs, data_samples=sample)


def stream(name: str) -> dict:
    """A stream of a tiny 3D ResNeXt that reads one of the inputs."""
    channels = CHANNELS[name]
    model = dict(
        type='mmaction.Recognizer3D',
        backbone=dict(
            type='dynkd.ResNeXt3D',
            depth=18,
            cardinality=2,
            base_channels=4,
            in_channels=channels,
        ),
        cls_head=dict(
            type='I3DHead',
            num_classes=3,
            in_channels=32,
            dropout_ratio=0.0,
            average_clips='prob',
        ),
        data_preprocessor=dict(
            type='ActionDataPreprocessor',
            mean=MEANS[name],
            std=[1.0] * channels,
            format_shape='NCTHW',
        ),
    )
    return dict(model=model, input=name, input_shape=(1, channels, 4, 16, 16))


@pytest.fixture
def recognizers(runner):
    """Build a runner that validates both streams, one video at a time."""

    def build(weights: dict, **teacher):
        streams = dict(student=stream('rgb'), teacher=dict(stream('flow'), **teacher))
        optimizer = dict(optimizer=dict(type='SGD', lr=0.01))
        trained = [name for name, own in streams.items() if not own.get('frozen')]
        return runner(
            model=dict(type='dynkd.Distillation', streams=streams),
            val_dataloader=dict(
                dataset=Videos(),
                batch_size=1,
                num_workers=0,
                sampler=dict(type='DefaultSampler', shuffle=False),
                collate_fn=dict(type='pseudo_collate'),
            ),
            val_cfg=dict(type='dynkd.StreamValLoop', fused=weights),
            val_evaluator=dict(
                type='AccMetric',
                metric_options=dict(top_k_accuracy=dict(topk=(1, 2))),
            ),
            optim_wrapper=dict(
                constructor='dynkd.StreamOptimWrapperConstructor',
                type='OptimWrapper',
                streams=dict.fromkeys(trained, optimizer),
            ),
            default_scope='mmaction',
        )

    return build


def directly(model, name: str) -> torch.Tensor:
    """The scores of a stream's videos, clip by clip, without its library's heads."""
    own = model.stream(name).model.eval()
    mean = torch.tensor(MEANS[STREAMS[name]]).view(-1, 1, 1, 1)
    found = []
    for item in Videos():
        clips = item['inputs'][STREAMS[name]].float() - mean
        with torch.no_grad():
            features = own.backbone(clips).mean((2, 3, 4))
            found.append(own.cls_head.fc_cls(features).softmax(1).mean(0))
    return torch.stack(found)


def accuracy(scores: torch.Tensor, k: int) -> float:
    labels = torch.arange(len(CLIPS))[:, None] % 3
    return (scores.topk(k, 1).indices == labels).any(1).float().mean().item()


@pytest.mark.parametrize('frozen', [False, True])
def test_rgb_and_flow_of_all_clips_are_fused(recognizers, frozen):
    weights = dict(student=1.0, teacher=2.0)
    run = recognizers(weights, frozen=frozen)
    torch.manual_seed(2)
    found = []
    # A frozen stream is predicted in the first of both validations only.
    for _ in range(2):
        head = run.model.stream('student').model.cls_head
        torch.nn.init.normal_(head.fc_cls.weight, std=0.5)
        metrics = run.val()
        own = {name: directly(run.model, name) for name in STREAMS}
        total = sum(weights[name] * scores for name, scores in own.items())
        for name, scores in dict(own, fused=total).items():
            for k in (1, 2):
                value = metrics[f'{name}/acc/top{k}']
                assert value == pytest.approx(accuracy(scores, k))
        found.append(own)
    assert not torch.allclose(found[0]['student'], found[1]['student'], atol=0.05)
    assert torch.equal(found[0]['teacher'], found[1]['teacher'])
