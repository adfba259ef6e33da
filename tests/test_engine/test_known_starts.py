# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Runs are tested and resumed without the files that their streams started from."""

import pytest
import torch
from mmengine.registry import MODELS, DefaultScope

SAVING = dict(checkpoint=dict(type='CheckpointHook', interval=1))
TEST = dict(
    test_cfg=dict(type='dynkd.StreamTestLoop'),
    test_evaluator=dict(type='Accuracy', topk=(1,)),
)


@pytest.fixture
def trained(runner, classifier, tmp_path):
    """A run of two epochs whose teacher has lost the file that it started from."""
    start = tmp_path / 'starts' / 'teacher.pth'
    start.parent.mkdir()
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        torch.save(MODELS.build(classifier()).state_dict(), start)
    teacher = dict(checkpoint=str(start))
    run = runner(teacher=teacher, default_hooks=SAVING)
    run.train()
    start.unlink()
    return teacher, run


def test_a_run_is_tested_without_the_file_its_teacher_started_from(
    runner, trained, tmp_path
):
    teacher, run = trained
    tested = runner(
        teacher=teacher,
        load_from=str(tmp_path / 'epoch_2.pth'),
        test_dataloader=run.val_dataloader,
        **TEST,
    )
    assert set(tested.test()) == {'teacher/accuracy/top1', 'student/accuracy/top1'}
    for key, value in run.model.state_dict().items():
        assert torch.equal(tested.model.state_dict()[key], value), key


def test_a_run_is_resumed_without_it(runner, trained, tmp_path):
    teacher, run = trained
    resumed = runner(
        teacher=teacher,
        resume=True,
        default_hooks=SAVING,
        train_cfg=dict(by_epoch=True, max_epochs=3),
    )
    resumed.train()
    assert resumed.epoch == 3 and (tmp_path / 'epoch_3.pth').is_file()


@pytest.mark.parametrize('given', [{}, dict(resume=True)])
def test_a_new_run_needs_it(runner, trained, tmp_path, given):
    """Nothing will be loaded: there is no checkpoint in its own work directory."""
    teacher, _ = trained
    with pytest.raises(FileNotFoundError, match='which does not exist'):
        runner(teacher=teacher, work_dir=str(tmp_path / 'other'), **given)


def test_a_checkpoint_without_the_stream_does_not_replace_it(runner, trained, tmp_path):
    teacher, run = trained
    path = tmp_path / 'half.pth'
    state = run.model.state_dict()
    student = {k: v for k, v in state.items() if k.startswith('streams.student.')}
    torch.save(dict(state_dict=student), path)
    with pytest.raises(FileNotFoundError, match='stream `teacher` starts from'):
        runner(teacher=teacher, load_from=str(path))


def test_a_frozen_stream_needs_it(runner, trained, tmp_path):
    """Checkpoints do not hold frozen streams."""
    teacher, _ = trained
    with pytest.raises(FileNotFoundError, match='stream `teacher` starts from'):
        runner(
            teacher=dict(teacher, frozen=True), load_from=str(tmp_path / 'epoch_2.pth')
        )
