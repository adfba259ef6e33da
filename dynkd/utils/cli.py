# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Options and steps that the command-line tools share."""

import argparse
import os
from pathlib import Path
from typing import Any, Optional

from mmengine.config import Config, DictAction
from mmengine.fileio import dump

from dynkd.compat import init_cpu_process_group, set_cpu_model_wrapper

from .console import short_start
from .plain_types import plain_types


def base_parser(description: str) -> argparse.ArgumentParser:
    """A parser of the options that OpenMMLab's training and test tools share.

    Args:
        description (str): What the tool does.

    Returns:
        argparse.ArgumentParser: The parser.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('config', help='the config file')
    parser.add_argument('--work-dir', help='where logs and checkpoints are written')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='settings that override the config, as key=value; a list is written '
        'key="[a,b]" or key=a,b, without white space',
    )
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='how several processes are launched',
    )
    # torch's launcher passes it under either name.
    parser.add_argument(
        '--local_rank',
        '--local-rank',
        type=int,
        default=0,
        help="number of this process on its machine; torch's launcher sets it",
    )
    return parser


def parse_evaluation(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Add the option of the file for :func:`write_metrics`, and read all options.

    Args:
        parser (argparse.ArgumentParser): The parser of :func:`base_parser`, with all
            other options of the tool.

    Returns:
        argparse.Namespace: The options; ``out`` is the file, or None.
    """
    parser.add_argument('--out', help='a JSON file to write the metrics to')
    args = parser.parse_args()
    if args.out is not None and not args.out.endswith('.json'):
        parser.error(f'--out must end with .json: {args.out}')
    return args


def write_metrics(metrics: dict[str, Any], out: Optional[str], rank: int) -> None:
    """Write what an evaluation found, in the first of several processes.

    Args:
        metrics (dict): The metrics by name.
        out (str, optional): The JSON file; None: nothing is written.
        rank (int): The number of this process.
    """
    if out is not None and rank == 0:
        dump(plain_types(metrics), out)


def add_training_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a training.

    Args:
        parser (argparse.ArgumentParser): The parser of :func:`base_parser`.
    """
    parser.add_argument(
        '--amp', action='store_true', help='train in automatic mixed precision'
    )
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rates with the batch size of all processes',
    )
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        help='resume from the given checkpoint, or from the latest of the work '
        'directory',
    )


def apply_training_options(cfg: Config, args: argparse.Namespace) -> None:
    """Change a config as the options of :func:`add_training_options` say.

    Args:
        cfg (Config): The config.
        args (argparse.Namespace): The parsed options.

    Raises:
        SystemExit: If it says no batch size that its learning rates are for.
    """
    if args.amp:
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')
    if args.auto_scale_lr:
        if 'base_batch_size' not in cfg.get('auto_scale_lr', {}):
            raise SystemExit(
                'the config says no `auto_scale_lr = dict(base_batch_size=…)`, the '
                'batch size that its learning rates are for'
            )
        cfg.auto_scale_lr.enable = True
    if args.resume is not None:
        cfg.resume = True
        cfg.load_from = None if args.resume == 'auto' else args.resume


def config_of_file(path: str) -> Config:
    """Read a config file.

    Args:
        path (str): The file.

    Returns:
        Config: The config.

    Raises:
        SystemExit: If there is no such file.
    """
    if not Path(path).is_file():
        raise SystemExit(f'There is no config file {path}.')
    return Config.fromfile(path)


def read_config(args: argparse.Namespace) -> Config:
    """Read the config of a run and apply the options of :func:`base_parser`.

    Args:
        args (argparse.Namespace): The parsed options.

    Returns:
        Config: The config, with its ``work_dir`` and launcher; where there is no
        accelerator, ready to run in several processes.

    Raises:
        SystemExit: If the config file does not exist.
    """
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg = config_of_file(args.config)
    cfg.launcher = args.launcher
    if args.cfg_options is not None:
        cfg.merge_from_dict(args.cfg_options)
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = str(Path('work_dirs') / Path(args.config).stem)
    dist_cfg = cfg.get('env_cfg', {}).get('dist_cfg', {})
    init_cpu_process_group(cfg.launcher, dist_cfg.get('timeout'))
    set_cpu_model_wrapper(cfg)
    return cfg


def build_runner(cfg: Config) -> Any:
    """Build the runner that a config names, with a hook that shows its progress.

    Args:
        cfg (Config): The config.

    Returns:
        Runner: The runner.
    """
    # MMEngine's runner imports much; the parsers above answer without it.
    from mmengine.registry import RUNNERS
    from mmengine.runner import Runner

    with short_start(Runner):
        if 'runner_type' in cfg:
            runner = RUNNERS.build(cfg)
        else:
            runner = Runner.from_cfg(cfg)
    if not any(type(hook).__name__ == 'ProgressHook' for hook in runner.hooks):
        runner.register_hook(dict(type='dynkd.ProgressHook'))
    return runner
