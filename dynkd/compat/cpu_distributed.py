# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Several processes on a machine without an accelerator.

Needed by: OpenMMLab's MMEngine up to 0.10.7, its last release, and OneDL's up to
0.10.12, the newest seen.

Why: whatever the launcher, its ``init_dist`` calls ``torch.cuda.set_device``, which
raises on a machine without CUDA, and its Runner gives ``DistributedDataParallel`` a
device number, which a model on the CPU must not have.

Cure: create the process group with gloo first, so that MMEngine creates none, and give
    the model's wrapper no device. Both do nothing where there is an accelerator.

Needed by: Python up to 3.13, with gloo.

Why: gloo's threads, which drop the tensors of finished work, may want Python's lock
while the interpreter ends, and abort the process after all is done ("terminate called
without an active exception"). Destroying the process group ends them, but torch's
``DistributedDataParallel`` keeps references to it (seen with torch 2.13).

Cure: leave the process without the end of the interpreter.
"""

import atexit
import os
import subprocess
import sys
from datetime import timedelta
from typing import Any, Optional

from mmengine.config import Config

_PORT = '29500'
_WRAPPER = 'MMDistributedDataParallel'


def init_cpu_process_group(launcher: str, timeout: Optional[float] = None) -> bool:
    """Creates the process group with gloo if this machine has no accelerator.

    Call it before the Runner is built.

    Args:
        launcher (str): Who started the processes: ``'none'``, ``'pytorch'``,
            ``'slurm'`` or ``'mpi'``, as for MMEngine's Runner.
        timeout (float, optional): Seconds that a process waits for the others.
            Defaults to None, torch's default.

    Returns:
        bool: Whether it created the group.

    Raises:
        KeyError: If the launcher's environment variables are missing.
        ValueError: If there is no such launcher.
    """
    if launcher not in ('none', 'pytorch', 'slurm', 'mpi'):
        raise ValueError(
            f"launcher must be 'none', 'pytorch', 'slurm' or 'mpi', not {launcher!r}"
        )
    from torch import distributed

    if launcher == 'none' or _has_accelerator() or distributed.is_initialized():
        return False
    for name, value in _environment(launcher).items():
        os.environ[name] = value
    kwargs: dict[str, Any] = (
        {} if timeout is None else dict(timeout=timedelta(seconds=timeout))
    )
    distributed.init_process_group('gloo', **kwargs)
    return True


def set_cpu_model_wrapper(cfg: Config) -> None:
    """Tells the Runner to wrap the model without a device number.

    For a run of several processes without accelerator only; ``cfg`` stays as it is
    otherwise. What ``cfg`` says about its wrapper stays.

    Args:
        cfg (Config): The run's config, changed in place. ``find_unused_parameters`` and
            ``broadcast_buffers`` in it are respected; buffers are not broadcast by
            default, as in MMEngine.
    """
    if cfg.get('launcher', 'none') == 'none' or _has_accelerator():
        return
    wrapper = cfg.get('model_wrapper_cfg')
    if wrapper is None:
        cfg.model_wrapper_cfg = dict(
            type='MMDistributedDataParallel',
            device_ids=None,
            broadcast_buffers=cfg.get('broadcast_buffers', False),
        )
        # Written only where the config says so: else it follows from the model.
        if 'find_unused_parameters' in cfg:
            cfg.model_wrapper_cfg.find_unused_parameters = cfg.find_unused_parameters
    elif 'DistributedDataParallel' in str(wrapper.get('type', _WRAPPER)):
        wrapper.setdefault('device_ids', None)


def leave_process_group() -> None:
    """Ends a program whose processes worked together; in a single process, nothing.

    Call it as the last thing, after success. The processes wait for one another, so
    that none closes its connections while another still writes. With gloo the process
    exits here, with status 0.
    """
    from torch import distributed

    if not (distributed.is_available() and distributed.is_initialized()):
        return
    with_gloo = distributed.get_backend() == 'gloo'
    distributed.barrier()
    distributed.destroy_process_group()
    if with_gloo:
        # What the interpreter would still have done; libraries flush their logs here.
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def _has_accelerator() -> bool:
    from mmengine.device import get_device

    return get_device() != 'cpu'


def _environment(launcher: str) -> dict[str, str]:
    """The variables that torch reads, from those that the launcher set."""
    env = os.environ
    if launcher == 'pytorch':
        return {}
    if launcher == 'slurm':
        found = dict(
            RANK=env['SLURM_PROCID'],
            WORLD_SIZE=env['SLURM_NTASKS'],
            LOCAL_RANK=env.get('SLURM_LOCALID', '0'),
        )
        found['MASTER_ADDR'] = env.get('MASTER_ADDR') or _first_slurm_host()
    else:
        found = dict(
            RANK=env['OMPI_COMM_WORLD_RANK'],
            WORLD_SIZE=env['OMPI_COMM_WORLD_SIZE'],
            LOCAL_RANK=env['OMPI_COMM_WORLD_LOCAL_RANK'],
            MASTER_ADDR=env['MASTER_ADDR'],
        )
    found['MASTER_PORT'] = env.get('MASTER_PORT', _PORT)
    return found


def _first_slurm_host() -> str:
    names = subprocess.run(
        ['scontrol', 'show', 'hostname', os.environ['SLURM_NODELIST']],
        check=True,
        capture_output=True,
        text=True,
    )
    return names.stdout.split()[0]
