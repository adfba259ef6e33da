# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Validation and test of the average of several streams' scores."""

from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook
from torch.utils.data import Dataset

from loading import load_file

SCRIPT = Path(__file__).resolve().parent / 'fused_validation.py'
VAL = dict(type='dynkd.StreamValLoop', fused=dict(student=1.0, teacher=3.0))
EVALUATOR = dict(type='Accuracy', topk=(1, 2))
LABELS = torch.arange(8) % 5
IMAGES = 255 * torch.rand(8, 3, 32, 32, generator=torch.Generator().manual_seed(1))


class Fixed(Dataset):
    """The same images in each epoch, as a validation set has them."""

    metainfo = dict(classes=tuple('abcde'))

    def __len__(self):
        return len(IMAGES)

    def __getitem__(self, index):
        from mmpretrain.structures import DataSample

        sample = DataSample().set_gt_label(int(LABELS[index]))
        return dict(inputs=IMAGES[index].clone(), data_samples=sample)


class Watch(Hook):
    """Keeps the metrics of each validation, and moves the student before it."""

    def __init__(self):
        self.metrics, self.direct = [], []

    def before_val_epoch(self, runner):
        for name in ('student', 'teacher') if not self.metrics else ('student',):
            spread(runner.model.stream(name).model, seed=len(name) + len(self.metrics))

    def after_val_epoch(self, runner, metrics=None):
        self.metrics.append(dict(metrics))
        self.direct.append(directly(runner.model))


@pytest.fixture
def fusing(runner):
    """Build a runner that validates two streams and their average."""

    def build(shuffle=False, **cfg):
        data = dict(
            dataset=Fixed(),
            batch_size=4,
            num_workers=0,
            collate_fn=dict(type='default_collate'),
            sampler=dict(type='DefaultSampler', shuffle=shuffle),
        )
        defaults = dict(val_cfg=VAL, val_evaluator=EVALUATOR, val_dataloader=data)
        return runner(**dict(defaults, **cfg))

    return build


def pooled(stream) -> torch.Tensor:
    """What the head of a stream is given for all images."""
    with torch.no_grad():
        return stream.eval().backbone((IMAGES - 127.5) / 63.75)[-1].mean((2, 3))


def spread(stream, seed: int) -> None:
    """Give a stream a head that says different classes, more or less decidedly."""
    features = pooled(stream)
    centre, scale = features.mean(0), features.std(0) + 1e-6
    torch.manual_seed(seed)
    fc = stream.head.fc
    fc.weight.data = torch.randn_like(fc.weight) / scale / 8
    fc.bias.data = -fc.weight.data @ centre


def directly(model) -> dict[str, torch.Tensor]:
    """The class probabilities of both streams, without loops and data samples."""
    found = {}
    for name in ('student', 'teacher'):
        stream = model.stream(name).model
        with torch.no_grad():
            found[name] = torch.softmax(stream.head.fc(pooled(stream)), 1)
    return found


def accuracy(scores: torch.Tensor, k: int = 1) -> float:
    hits = (scores.topk(k, 1).indices == LABELS[:, None]).any(1)
    return pytest.approx(100 * hits.float().mean().item())


def mean(own: dict, student: float, teacher: float) -> torch.Tensor:
    total = student * own['student'] + teacher * own['teacher']
    return total / (student + teacher)


def runs(model, stream: str) -> list[int]:
    """Count the runs of a stream's head in evaluation mode."""
    seen = []
    model.stream(stream).model.head.register_forward_hook(
        lambda module, args, output: (
            seen.append(len(output)) if not model.training else None
        )
    )
    return seen


# ------------------------------------------------------------------- the loops


@pytest.mark.parametrize('weights', [(1.0, 3.0), (2, 1), (0.0, 0.4)])
def test_fused_metrics_are_those_of_the_averaged_probabilities(fusing, weights):
    fused = dict(zip(('student', 'teacher'), weights))
    watch = Watch()
    run = fusing(val_cfg=dict(VAL, fused=fused), custom_hooks=[watch])
    metrics = run.val()
    (own,) = watch.direct
    # Else an average that is none of them could not be told from either.
    assert len({*map(tuple, (v.argmax(1).tolist() for v in own.values()))}) == 2
    for name, scores in dict(own, fused=mean(own, *weights)).items():
        for k in (1, 2):
            assert metrics[f'{name}/accuracy/top{k}'] == accuracy(scores, k)


def test_a_fused_sample_holds_the_average_its_label_and_the_truth(fusing):
    run = fusing(custom_hooks=[Watch()])
    fusion, seen = run.val_loop.fusion, []
    run.val_loop.fusion = lambda *args: seen.extend(fusion(*args)) or seen[-4:]
    run.val()
    scores = mean(directly(run.model), 1, 3)
    assert torch.allclose(torch.stack([s.pred_score for s in seen]), scores, atol=1e-5)
    assert [int(s.pred_label) for s in seen] == scores.argmax(1).tolist()
    assert [int(s.gt_label) for s in seen] == LABELS.tolist()


def test_without_the_option_nothing_is_fused(fusing):
    metrics = fusing(val_cfg=dict(type='dynkd.StreamValLoop')).val()
    assert not [name for name in metrics if name.startswith('fused')]


def test_scores_of_a_frozen_stream_are_kept(fusing):
    """The student moves, the teacher is predicted once, and the average follows."""
    watch = Watch()
    run = fusing(teacher=dict(frozen=True), custom_hooks=[watch])
    teacher = runs(run.model, 'teacher')
    run.train()
    assert teacher == [4, 4]
    assert len(watch.metrics) == 2
    first, second = (mean(own, 1, 3) for own in watch.direct)
    assert not torch.allclose(first, second, atol=0.05)
    for metrics, scores in zip(watch.metrics, (first, second)):
        assert metrics['fused/accuracy/top1'] == accuracy(scores)
        assert metrics['fused/accuracy/top2'] == accuracy(scores, 2)


def test_a_frozen_stream_is_predicted_again_where_the_order_changes(fusing):
    watch = Watch()
    run = fusing(shuffle=True, teacher=dict(frozen=True), custom_hooks=[watch])
    teacher = runs(run.model, 'teacher')
    run.train()
    assert teacher == [4] * 4
    for metrics, own in zip(watch.metrics, watch.direct):
        assert metrics['fused/accuracy/top2'] == accuracy(mean(own, 1, 3), 2)


def test_the_test_loop_fuses(fusing):
    run = fusing(
        test_dataloader=fusing()._val_dataloader,
        test_cfg=dict(VAL, type='dynkd.StreamTestLoop'),
        test_evaluator=[EVALUATOR, dict(type='SingleLabelMetric')],
        experiment_name='fused-test',
    )
    for seed, name in enumerate(('student', 'teacher')):
        spread(run.model.stream(name).model, seed)
    metrics = run.test()
    assert metrics['fused/accuracy/top1'] == accuracy(mean(directly(run.model), 1, 3))
    assert 'fused/single-label/f1-score' in metrics


def test_save_best_of_the_average(fusing, tmp_path):
    best = dict(type='CheckpointHook', save_best='fused/accuracy/top1', rule='greater')
    fusing(default_hooks=dict(checkpoint=best)).train()
    assert list(tmp_path.rglob('best_*.pth'))


def test_branches_are_fused_with_their_stream(fusing, classifier):
    branches = dict(module=dict(type='GuidedModule', out_channels=8), num=2)
    shape = dict(input_shape=(3, 32, 32))
    streams = dict(
        teacher=dict(model=classifier(), **shape),
        student=dict(model=classifier(), branches=branches, **shape),
    )
    weights = {'student': 1.0, 'student.branches.1': 1.0}
    run = fusing(
        model=dict(type='dynkd.Distillation', streams=streams),
        val_cfg=dict(VAL, branches=True, fused=weights),
    )
    # Both say one class for all images, the branch more decidedly.
    student = run.model.stream('student').model
    student.head.fc.bias.data[0] = 1e3
    student.branches[1].fc.bias.data[4] = 1e6
    run.val_loop.fusion.weights['student'] = 0.4
    assert run.val()['fused/accuracy/top1'] == 12.5


def test_two_processes_fuse_as_one(in_processes, tmp_path):
    """Seven images: one of the processes has an image twice, which is left out."""
    both = in_processes(SCRIPT, tmp_path)
    one = load_file(SCRIPT).validate(str(tmp_path / 'one'))
    assert one[0]['fused/mean_truth'] != pytest.approx(one[1]['fused/mean_truth'])
    assert one[0]['teacher/mean_truth'] == one[1]['teacher/mean_truth']
    for two in both:
        for alone, together in zip(one, two):
            assert together == pytest.approx(alone, rel=1e-5)


def test_a_stream_that_is_not_evaluated_is_not_fused(fusing):
    run = fusing(val_cfg=dict(VAL, streams=['student']))
    with pytest.raises(
        ValueError, match='`teacher`, which is not evaluated. Evaluated: s'
    ):
        run.val()


def test_weights_are_checked_before_anything_is_predicted(fusing):
    run = fusing(val_cfg=dict(VAL, fused=dict(student=1.0, teacher=-1.0)))
    with pytest.raises(ValueError, match='teacher` must not be negative'):
        run.build_val_loop(run._val_loop)
