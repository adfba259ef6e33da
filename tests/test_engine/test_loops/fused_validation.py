# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Two validations with fused streams, in one process or several.

``torchrun --nproc_per_node 2 fused_validation.py OUT`` writes the metrics of each
process to ``OUT.RANK``.
"""

import os
import sys
import tempfile
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.registry import DATASETS, METRICS
from mmengine.runner import Runner
from torch.utils.data import Dataset

from dynkd.compat import (
    init_cpu_process_group,
    leave_process_group,
    set_cpu_model_wrapper,
)
from dynkd.utils import unwrap


@DATASETS.register_module()
class OddNumberOfImages(Dataset):
    """Seven images of three classes: two processes do not share them evenly."""

    metainfo = dict(classes=tuple('abc'))

    def __len__(self) -> int:
        return 7

    def __getitem__(self, index: int) -> dict:
        from mmpretrain.structures import DataSample

        generator = torch.Generator().manual_seed(index)
        image = 255 * torch.rand(3, 32, 32, generator=generator)
        return dict(inputs=image, data_samples=DataSample().set_gt_label(index % 3))


@METRICS.register_module()
class MeanTruth(BaseMetric):
    """The mean probability of the true class, which all scores enter."""

    def process(self, data_batch: dict, data_samples: list[dict]) -> None:
        self.results += [
            float(sample['pred_score'][int(sample['gt_label'])])
            for sample in data_samples
        ]

    def compute_metrics(self, results: list[float]) -> dict[str, float]:
        return dict(mean_truth=sum(results) / len(results))


def config(work_dir: str, launcher: str) -> Config:
    classifier = dict(
        type='mmpretrain.ImageClassifier',
        backbone=dict(
            type='ResNet', depth=18, base_channels=4, stem_channels=4, out_indices=(3,)
        ),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(type='LinearClsHead', num_classes=3, in_channels=32),
        data_preprocessor=dict(mean=[127.5] * 3, std=[8.0] * 3, num_classes=3),
    )
    stream = dict(model=classifier, input_shape=(3, 32, 32))
    return Config(
        dict(
            model=dict(
                type='dynkd.Distillation',
                streams=dict(teacher=dict(stream, frozen=True), student=stream),
            ),
            val_dataloader=dict(
                dataset=dict(type='OddNumberOfImages', _scope_='mmengine'),
                batch_size=2,
                num_workers=0,
                sampler=dict(type='DefaultSampler', shuffle=False),
                collate_fn=dict(type='default_collate'),
            ),
            val_cfg=dict(
                type='dynkd.StreamValLoop', fused=dict(student=2.0, teacher=1.0)
            ),
            val_evaluator=[
                dict(type='Accuracy', topk=(1, 2)),
                dict(type='MeanTruth', _scope_='mmengine'),
            ],
            default_scope='mmpretrain',
            work_dir=work_dir,
            launcher=launcher,
            log_level='ERROR',
            randomness=dict(seed=0),
            experiment_name=Path(work_dir).name,
        )
    )


def spread(stream: torch.nn.Module, seed: int) -> None:
    """Make what a stream says hang on the image."""
    generator = torch.Generator().manual_seed(seed)
    fc = stream.head.fc
    fc.weight.data = 20 * torch.randn(fc.weight.shape, generator=generator)
    fc.weight.data -= fc.weight.data.mean(1, keepdim=True)


def validate(work_dir: str, launcher: str = 'none') -> list[dict[str, float]]:
    """The metrics of two validations, between which the student has moved."""
    cfg = config(work_dir, launcher)
    if launcher != 'none':
        set_cpu_model_wrapper(cfg)
    runner = Runner.from_cfg(cfg)
    model = unwrap(runner.model)
    spread(model.stream('teacher').model, 0)
    found = []
    for seed in (1, 2):
        spread(model.stream('student').model, seed)
        found.append({key: float(value) for key, value in runner.val().items()})
    return found


def main() -> None:
    out = Path(sys.argv[1])
    init_cpu_process_group('pytorch')
    with tempfile.TemporaryDirectory() as folder:
        metrics = validate(folder, 'pytorch')
    torch.save(metrics, out / f'found.{os.environ["RANK"]}')
    leave_process_group()


if __name__ == '__main__':
    main()
