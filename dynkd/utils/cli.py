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

#: Where each launcher says which of the processes this is.
_RANKS = dict(pytorch='RANK', slurm='SLURM_PROCID', mpi='OMPI_COMM_WORLD_RANK')


class Settings(DictAction):
    """Settings that override a config, each as ``key=value``."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: Optional[str] = None,
    ) -> None:
        """Read the settings.

        Args:
            parser (ArgumentParser): The parser.
            namespace (Namespace): What takes them.
            values (list[str]): The words.
            option_string (str, optional): The option. Defaults to None.

        Raises:
            ArgumentError: If one is not written so.
        """
        for word in values:
            if '=' not in word:
                raise argparse.ArgumentError(self, f'{word!r} is not a key=value')
        super().__call__(parser, namespace, values, option_string)


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
        action=Settings,
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
    if args.out is not None and Path(args.out).is_dir():
        parser.error(f'--out is a folder: {args.out}')
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
        SystemExit: If it has no optimizer for mixed precision, or says no batch size
            that its learning rates are for.
    """
    if args.amp:
        if not cfg.get('optim_wrapper'):
            raise SystemExit('--amp: the config has no `optim_wrapper`')
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')
    if args.auto_scale_lr:
        if 'base_batch_size' not in (cfg.get('auto_scale_lr') or {}):
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
        SystemExit: If there is no such file, or it is not a config.
    """
    if not Path(path).is_file():
        raise SystemExit(f'There is no config file {path}.')
    try:
        return Config.fromfile(path)
    except (SyntaxError, OSError) as error:
        raise SystemExit(f'{path}: {error}') from None


def read_config(args: argparse.Namespace) -> Config:
    """Read the config of a run and apply the options of :func:`base_parser`.

    Args:
        args (argparse.Namespace): The parsed options.

    Returns:
        Config: The config, with its ``work_dir`` and launcher; where there is no
        accelerator, ready to run in several processes.

    Raises:
        SystemExit: If the config file does not exist or has no model, or the process
            was not started by the launcher.
    """
    variable = _RANKS.get(args.launcher)
    if variable is not None and variable not in os.environ:
        raise SystemExit(
            f'--launcher {args.launcher}: {variable} is not set. Start several '
            'processes by tools/dist_train.sh, tools/slurm_train.sh or their like.'
        )
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg = config_of_file(args.config)
    cfg.launcher = args.launcher
    if args.cfg_options is not None:
        cfg.merge_from_dict(args.cfg_options)
    if not cfg.get('model'):
        raise SystemExit(f'{args.config} has no `model`.')
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = str(Path('work_dirs') / Path(args.config).stem)
    dist_cfg = cfg.get('env_cfg', {}).get('dist_cfg', {})
    init_cpu_process_group(cfg.launcher, dist_cfg.get('timeout'))
    set_cpu_model_wrapper(cfg)
    return cfg


def read_evaluation(args: argparse.Namespace, name: str) -> Config:
    """Read the config of a run for an evaluation, as :func:`read_config` does.

    Args:
        args (argparse.Namespace): The parsed options.
        name (str): What is done, for the name of its config in the work directory.

    Returns:
        Config: The config; it resumes nothing, and is not written over the training's.
    """
    cfg = read_config(args)
    # The config that a resumed run leaves behind says so.
    cfg.resume = False
    name_copy(cfg, f'{name}_{Path(args.config).name}')
    return cfg


def name_copy(cfg: Config, name: str) -> None:
    """Name the copy of a config that MMEngine writes into the work directory.

    Args:
        cfg (Config): The config, which its runner takes as read from such a file.
        name (str): The name; without this, it is that of the config's file.
    """
    path = Path(cfg.filename or name)
    object.__setattr__(cfg, '_filename', str(path.with_name(name)))


def is_first(launcher: str) -> bool:
    """Whether this is the first of the processes, before they know one another.

    Args:
        launcher (str): How they are launched.

    Returns:
        bool: Whether it is.
    """
    return os.environ.get(_RANKS.get(launcher, ''), '0') == '0'


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
