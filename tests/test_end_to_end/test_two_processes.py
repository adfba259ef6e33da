# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Two processes with half of a batch each take the step of one with all of it."""

import importlib.util
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).resolve().parent / 'two_processes.py'
JOBS = ('classification', 'detection')


@pytest.fixture(scope='module')
def steps(run, configs, tmp_path_factory) -> list[dict[str, dict]]:
    """What each process found, for each job: the step of one, of two, of a half."""
    out = tmp_path_factory.mktemp('steps') / 'step'
    launcher = importlib.util.find_spec('torch.distributed.run').origin
    run(
        launcher,
        '--nproc_per_node=2',
        '--standalone',
        SCRIPT,
        out,
        configs / 'resnet_phases.py',
        configs / 'fcos_pair.py',
    )
    found = [torch.load(f'{out}.{rank}', weights_only=True) for rank in (0, 1)]
    return [dict(zip(JOBS, jobs)) for jobs in found]


def distance(a: dict, b: dict, kind: str) -> float:
    """The greatest difference, relative to the greatest value."""
    assert a.keys() == b.keys()
    names = [name for name in a if name.startswith(kind)]
    scale = max(a[name].abs().max() for name in names)
    return float(max((a[name] - b[name]).abs().max() for name in names) / scale)


@pytest.mark.parametrize('job', JOBS)
@pytest.mark.parametrize('kind', ['grad', 'weight'])
def test_two_processes_step_as_one(steps, job, kind):
    # Normalisation keeps its statistics, which are each process' own. MMDetection's
    # FCOS divides by the positives of all processes, not of its own, so that it holds
    # although one process has three times as many boxes.
    for found in steps:
        assert distance(found[job]['one'], found[job]['two'], kind) < 1e-5


@pytest.mark.parametrize('job', JOBS)
def test_half_of_the_batch_has_other_gradients(steps, job):
    # Else the test above could not fail.
    found = steps[0][job]
    assert distance(found['one'], found['half'], 'grad') > 1e-2


@pytest.mark.parametrize('job', JOBS)
def test_both_processes_end_with_the_same_weights(steps, job):
    first, second = (found[job]['two'] for found in steps)
    for name in first:
        assert torch.equal(first[name], second[name]), name


@pytest.mark.parametrize('job', JOBS)
def test_every_stream_and_connector_has_gradients(steps, job):
    one = steps[0][job]['one']
    grads = [name.removeprefix('grad.') for name in one if name.startswith('grad.')]
    roots = {'.'.join(name.split('.')[:2]) for name in grads}
    connector = {'classification': 'loss_mse', 'detection': 'loss_emd'}[job]
    assert roots == {'streams.teacher', 'streams.student', f'transfers.{connector}'}
