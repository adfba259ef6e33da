# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What makes the released wheels work together, OpenMMLab's and their forks'.

One file per fault. Each says which release has it and why, looks for the fault itself
rather than for a version or a name, and does nothing where it is mended.
``import dynkd`` calls :func:`apply`, which imports none of those packages: the work is
done when they are imported.
"""

from dynkd.compat import (
    checkpoints,
    config_index,
    config_text,
    image_files,
    known_starts,
    mmaction,
    mmcv_cap,
    mmdet_ssd,
    mmrazor,
    resuming,
    runs,
    torchvision,
    worker_errors,
)

from .checkpoints import (
    CheckpointError,
    UnsafeCheckpointError,
    load_checkpoint_file,
)
from .cpu_distributed import (
    init_cpu_process_group,
    leave_process_group,
    set_cpu_model_wrapper,
)
from .finite import check_finite
from .import_hooks import WATCHER
from .known_starts import is_loaded_later

__all__ = [
    'CheckpointError',
    'UnsafeCheckpointError',
    'apply',
    'check_finite',
    'init_cpu_process_group',
    'is_loaded_later',
    'leave_process_group',
    'load_checkpoint_file',
    'set_cpu_model_wrapper',
]


def apply() -> None:
    """Arranges every repair. A second call changes nothing."""
    WATCHER.install()
    repairs = (torchvision, mmcv_cap, mmaction, mmdet_ssd, mmrazor)
    runner = (checkpoints, config_index, config_text, resuming, runs, known_starts)
    for package in (*repairs, *runner, image_files, worker_errors):
        package.apply()
