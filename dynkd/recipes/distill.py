# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""A distillation from one call."""

from pathlib import Path
from typing import Any, Optional, Union

from mmengine.config import Config
from mmengine.logging import print_log

from dynkd.utils.atomic import write_text

from .compose import Composed, compose
from .report import table


def distill(
    student: str,
    teacher: Optional[str] = None,
    method: str = 'dkd',
    teacher_checkpoint: Optional[str] = None,
    work_dir: Optional[str] = None,
    baseline: Optional[str] = None,
    options: Optional[dict[str, Any]] = None,
    train: bool = False,
) -> Any:
    """Make a distillation of an existing project, and train it if asked.

    Args:
        student (str): Config of the student: a file, or ``'mmdet::…'``. Its data,
            schedule and optimizer are those of the run.
        teacher (str, optional): Config of the teacher. Defaults to None, for
            ``'dtskd'``.
        method (str): ``'dkd'``, ``'kd'``, ``'ekd'``, ``'dpk'``, ``'iakd'``, ``'dtskd'``
            or ``'fgd'``. Defaults to ``'dkd'``.
        teacher_checkpoint (str, optional): Weights that the teacher starts from.
            Defaults to None.
        work_dir (str, optional): Where the config, logs and checkpoints are written.
            Defaults to None: ``work_dirs/<student>_<method>``.
        baseline (str, optional): Work directory of the student trained alone, with
            which the end of the run compares. Defaults to None.
        options (dict, optional): What to change in the config, as ``--cfg-options``
            does. Defaults to None.
        train (bool): Whether to train it. Defaults to False.

    Returns:
        Config or Runner: The config; with ``train``, the runner after the training.

    Raises:
        FileNotFoundError: If there is no such config.
        ValueError: If the method does not exist, or does not fit the models.
    """
    name = f'{Path(student.rpartition("::")[2]).stem}_{method}'
    folder = Path(work_dir or Path('work_dirs') / name)
    composed = compose(
        student, teacher, method, teacher_checkpoint, str(folder), baseline
    )
    print_log(table(composed), logger='current')
    cfg = Config.fromfile(write(composed, folder / f'{name}.py'))
    cfg.work_dir = str(folder)
    if options:
        cfg.merge_from_dict(options)
    if not train:
        return cfg
    # MMEngine's runner imports much.
    from dynkd.utils.cli import build_runner

    runner = build_runner(cfg)
    runner.train()
    return runner


def write(composed: Composed, out: Union[str, Path]) -> Path:
    """Write the config of a distillation and what it inherits from, each whole or not
    at all.

    Args:
        composed (Composed): The distillation.
        out (str or Path): The file.

    Returns:
        Path: The file.
    """
    out = Path(out)
    files = {out.with_name(name): text for name, text in composed.beside.items()}
    for path, text in {**files, out: composed.text}.items():
        write_text(path, text, shared=True)
    return out
