# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import pytest
import torch
from mmengine.evaluator import DumpResults, Evaluator
from mmengine.fileio import load
from mmengine.hooks import Hook
from mmengine.logging import MessageHub

from dynkd.engine.loops.stream_loops import _for_stream
from dynkd.utils import RandomState


class Watch(Hook):
    """Keeps the metrics of each validation and what hooks are shown."""

    def __init__(self):
        self.metrics, self.shown = [], []

    def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.shown.append(outputs)

    def after_val_epoch(self, runner, metrics=None):
        self.metrics.append(dict(metrics))


def runs(model, stream: str) -> list[int]:
    """Count the runs of a stream's backbone in evaluation mode."""
    seen = []
    model.stream(stream).model.head.register_forward_hook(
        lambda module, args, output: (
            seen.append(len(output)) if not model.training else None
        )
    )
    return seen


def test_metrics_carry_the_name_of_their_stream(runner):
    watch = Watch()
    run = runner(custom_hooks=[watch])
    run.train()
    names = {'teacher/accuracy/top1', 'student/accuracy/top1'}
    assert [set(metrics) for metrics in watch.metrics] == [names] * 2
    assert all(0 <= v <= 100 for m in watch.metrics for v in m.values())
    scalars = MessageHub.get_current_instance().log_scalars
    assert {f'val/{name}' for name in names} <= set(scalars)
    # Hooks see one model's predictions, for each of the batches.
    assert [len(outputs) for outputs in watch.shown] == [4] * 4


def test_values_are_those_of_each_stream(runner):
    """Of 8 images 2 are of class 0, which the student always says, and 1 of class 4."""
    run = runner()
    for name, label in (('student', 0), ('teacher', 4)):
        run.model.stream(name).model.head.fc.bias.data[label] = 1e4
    assert run.val() == {'teacher/accuracy/top1': 12.5, 'student/accuracy/top1': 25.0}


def test_frozen_stream_is_evaluated_once(runner):
    watch = Watch()
    run = runner(teacher=dict(frozen=True), custom_hooks=[watch])
    teacher, student = (runs(run.model, name) for name in ('teacher', 'student'))
    run.train()
    assert teacher == [4, 4] and student == [4] * 4
    assert len(watch.metrics) == 2
    assert len({metrics['teacher/accuracy/top1'] for metrics in watch.metrics}) == 1


@pytest.mark.parametrize(('tracked', 'times'), [(True, 2), (False, 1)])
def test_frozen_stream_whose_statistics_move_is_evaluated_again(
    runner, classifier, tracked, times
):
    """Swapped-in blocks of IAKD's teacher track statistics, if they are told to."""
    deep = classifier()
    deep['backbone']['depth'] = 34
    shape = dict(input_shape=(3, 32, 32))
    model = dict(
        type='dynkd.InteractiveDistillation',
        streams=dict(
            teacher=dict(model=deep, frozen=True, **shape),
            student=dict(model=classifier(), **shape),
        ),
        interaction=dict(probability=0.05, track_teacher_stats=tracked),
    )
    watch = Watch()
    run = runner(
        model=model,
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.01)),
        custom_hooks=[watch],
    )
    teacher = runs(run.model, 'teacher')
    run.train()
    assert teacher == [4, 4] * times
    assert ['teacher/accuracy/top1' in metrics for metrics in watch.metrics] == [
        True
    ] * 2


def test_save_best_of_a_stream(runner, tmp_path):
    best = dict(
        type='CheckpointHook', save_best='student/accuracy/top1', rule='greater'
    )
    runner(default_hooks=dict(checkpoint=best)).train()
    # Slashes of a metric become part of the file's path or its name.
    assert list(tmp_path.rglob('best_*.pth'))


def test_some_streams_only(runner):
    run = runner(val_cfg=dict(type='dynkd.StreamValLoop', streams=['student']))
    assert set(run.val()) == {'student/accuracy/top1'}


def test_a_stream_of_other_classes_is_left_out(
    runner,
    classifier,
):
    """What it predicts are not the classes of the data."""
    streams = dict(
        teacher=dict(model=classifier(num_classes=7), input_shape=(3, 32, 32)),
        student=dict(model=classifier(), input_shape=(3, 32, 32)),
    )
    run = runner(model=dict(type='dynkd.Distillation', streams=streams))
    assert set(run.val()) == {'student/accuracy/top1'}
    named = dict(type='dynkd.StreamValLoop', streams=['student', 'teacher'])
    again = runner(
        model=dict(type='dynkd.Distillation', streams=streams), val_cfg=named
    )
    again.val_loop  # noqa: B018  # it is built
    assert again.val_loop.streams == ['student', 'teacher']


def test_measuring_leaves_no_trace(runner):
    """Hooks see nothing, and the metrics are those of a validation."""
    watch = Watch()
    run = runner(custom_hooks=[watch])
    loop = run.build_val_loop(run._val_loop)
    before = RandomState.capture()
    run.model.train()
    found = loop.measure(['student'])
    assert run.model.training and watch.metrics == []
    assert torch.equal(RandomState.capture().torch, before.torch)
    expected = runner(experiment_name='again').val()
    assert found == {'student/accuracy/top1': expected['student/accuracy/top1']}


def test_test_loop(runner):
    run = runner(
        test_dataloader=runner()._val_dataloader,
        test_cfg=dict(type='dynkd.StreamTestLoop'),
        test_evaluator=[
            dict(type='Accuracy', topk=(1,)),
            dict(type='SingleLabelMetric'),
        ],
        experiment_name='test-loop',
    )
    metrics = run.test()
    assert {'teacher/accuracy/top1', 'student/single-label/f1-score'} <= set(metrics)


def test_unknown_stream(runner):
    run = runner(val_cfg=dict(type='dynkd.StreamValLoop', streams=['tutor']))
    with pytest.raises(
        ValueError, match='no stream `tutor`. Streams: teacher, student'
    ):
        run.val()


def test_model_without_streams(runner, classifier):
    run = runner(
        model=classifier(),
        optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.1)),
    )
    with pytest.raises(
        ValueError, match='ImageClassifier has none.*dynkd.Distillation'
    ):
        run.val()


def test_built_evaluator(runner):
    run = runner(val_evaluator=Evaluator([]))
    with pytest.raises(TypeError, match='needs the config of the metrics'):
        run.val()


def test_files_of_metrics_do_not_collide():
    cfg = [
        dict(type='A', outfile_prefix='out/result', classwise=True),
        dict(type='B', outfile_prefix=None),
        dict(type='C', metrics=[dict(type='D', outfile_prefix='x')]),
        dict(type='DumpResults', out_file_path='a.b/x.pkl'),
    ]
    own = _for_stream(cfg, 'student')
    assert own[0] == dict(type='A', outfile_prefix='out/result.student', classwise=True)
    assert own[1] == cfg[1]
    assert own[2]['metrics'][0]['outfile_prefix'] == 'x.student'
    assert own[3]['out_file_path'] == 'a.b/x.student.pkl'
    assert cfg[0]['outfile_prefix'] == 'out/result'


@pytest.fixture
def testing(runner, tmp_path):
    """Build a runner whose student always says class 0, and whose teacher 4."""

    def build(**cfg):
        run = runner(
            test_dataloader=runner()._val_dataloader,
            test_cfg=dict(type='dynkd.StreamTestLoop', **cfg.pop('loop', {})),
            experiment_name=f'{tmp_path.name}-test',
            **dict(dict(test_evaluator=dict(type='Accuracy')), **cfg),
        )
        for name, label in (('student', 0), ('teacher', 4)):
            run.model.stream(name).model.head.fc.bias.data[label] = 1e4
        return run

    return build


def labels(path) -> set[int]:
    """The classes in a file of predictions."""
    return {int(sample['pred_label']) for sample in load(path)}


def test_predictions_of_each_stream_are_written(testing, tmp_path):
    dump = dict(type='DumpResults', out_file_path=str(tmp_path / 'x.pkl'))
    testing(test_evaluator=[dict(type='Accuracy'), dump]).test()
    assert labels(tmp_path / 'x.student.pkl') == {0}
    assert labels(tmp_path / 'x.teacher.pkl') == {4}
    assert len(load(tmp_path / 'x.teacher.pkl')) == 8


@pytest.mark.parametrize(
    ('streams', 'label'), [(None, 0), (['teacher', 'student'], 0), (['teacher'], 4)]
)
def test_metric_that_a_test_script_appends(testing, tmp_path, streams, label):
    """``tools/test.py --out x.pkl`` of MMPretrain and MMDetection, with our loop."""
    run = testing(loop=dict(streams=streams))
    dump = DumpResults(out_file_path=str(tmp_path / 'x.pkl'))
    run.test_evaluator.metrics.append(dump)
    run.test()
    assert labels(tmp_path / 'x.pkl') == {label}


# ----------------------------------------------------------------------- branches


def branched(classifier, **stream) -> dict:
    branches = dict(module=dict(type='GuidedModule', out_channels=8), num=2)
    stream = dict(model=classifier(), branches=branches, **stream)
    return dict(stream, input_shape=(3, 32, 32))


def model_of(classifier, **teacher) -> dict:
    streams = dict(
        teacher=branched(classifier, **teacher),
        student=dict(model=classifier(), input_shape=(3, 32, 32)),
    )
    return dict(type='dynkd.Distillation', streams=streams)


def test_branches_are_evaluated_by_option(runner, classifier):
    """Of 8 images 2 are of class 0 and 1 of class 4."""
    loop = dict(type='dynkd.StreamValLoop', branches=True)
    run = runner(model=model_of(classifier), val_cfg=loop)
    for index, label in enumerate((0, 4)):
        fc = run.model.stream('teacher').model.branches[index].fc
        fc.bias.data[label] = 1e4
    metrics = run.val()
    assert set(metrics) == {
        f'{name}/accuracy/top1'
        for name in (
            'teacher',
            'teacher.branches.0',
            'teacher.branches.1',
            'student',
        )
    }
    assert metrics['teacher.branches.0/accuracy/top1'] == 25.0
    assert metrics['teacher.branches.1/accuracy/top1'] == 12.5


def test_branches_of_a_frozen_stream_are_evaluated_once(runner, classifier):
    watch = Watch()
    run = runner(
        model=model_of(classifier, frozen=True),
        optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.1)),
        val_cfg=dict(type='dynkd.StreamValLoop', branches=True),
        custom_hooks=[watch],
    )
    teacher, student = (runs(run.model, name) for name in ('teacher', 'student'))
    run.train()
    assert teacher == [4, 4] and student == [4] * 4
    assert [len(metrics) for metrics in watch.metrics] == [4, 4]


def test_no_branches_to_evaluate(runner):
    run = runner(val_cfg=dict(type='dynkd.StreamValLoop', branches=True))
    with pytest.raises(ValueError, match='none of the streams .* has branches'):
        run.val()
