# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What the metrics of MMSegmentation are called, before anything is evaluated."""

import pytest

from dynkd.engine.hooks.run_metrics import metric_names


@pytest.mark.parametrize('kinds', [['mIoU'], ['mIoU', 'mDice'], ['mFscore']])
def test_names_are_those_of_an_evaluation(kinds):
    evaluation = pytest.importorskip('mmseg.evaluation')
    import torch

    metric = evaluation.IoUMetric(iou_metrics=kinds)
    metric.dataset_meta = dict(classes=('background', 'digit'))
    labels = torch.tensor([[0, 1], [1, 1]])
    predicted = torch.tensor([[0, 1], [0, 1]])
    metric.results = [metric.intersect_and_union(predicted, labels, 2, 255)]
    measured = metric.compute_metrics(metric.results)
    assert sorted(metric_names(metric)) == sorted(measured)
