# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Distil the student of an existing config: one line, and a student."""

import argparse
import sys
from pathlib import Path

from dynkd.compat import leave_process_group
from dynkd.utils.cli import (
    add_training_options,
    apply_training_options,
    base_parser,
    build_runner,
    is_first,
    name_copy,
    read_config,
)
from dynkd.utils.tool import resume_command, run_tool


def parse_args() -> argparse.Namespace:
    """Read the options.

    Returns:
        argparse.Namespace: The options.
    """
    parser = base_parser(
        'Train the student of an existing config of MMDetection, MMPretrain, MMAction2 '
        "or MMSegmentation by distillation, on that config's data and schedule"
    )
    parser.add_argument('--teacher', help="the teacher's config, as the student's")
    parser.add_argument(
        '--teacher-checkpoint', help='weights that the teacher starts from'
    )
    parser.add_argument(
        '--method',
        default='dkd',
        choices=['dkd', 'kd', 'ekd', 'dpk', 'iakd', 'dtskd', 'fgd'],
        help='how it learns (default: dkd)',
    )
    parser.add_argument(
        '--baseline',
        help='work directory of the student trained alone, to compare with at the end',
    )
    parser.add_argument(
        '--dump', help='write the config of the distillation here, and do not train'
    )
    add_training_options(parser)
    args = parser.parse_args()
    if args.dump is not None:
        fault = _dump_fault(args)
        if fault:
            parser.error(fault)
    return args


def _dump_fault(args: argparse.Namespace) -> str:
    """What is wrong with ``--dump``, if anything."""
    if not args.dump.endswith('.py'):
        return f'--dump must end with .py: {args.dump}'
    for read in (args.config, args.teacher):
        if read is not None and Path(read).resolve() == Path(args.dump).resolve():
            return f'--dump {args.dump}: this file is read. Choose another name'
    names = ('amp', 'auto_scale_lr', 'resume', 'work_dir', 'cfg_options')
    unused = [f'--{name.replace("_", "-")}' for name in names if getattr(args, name)]
    if unused:
        return f'{", ".join(unused)}: --dump does not train; give these to train.py'
    return ''


def main() -> None:
    """Read the options, make the config, and train."""
    args = parse_args()
    # Building models imports much; `--help` answers without it.
    from dynkd.recipes import compose, table, write

    name = f'{Path(args.config.rpartition("::")[2]).stem}_{args.method}'
    folder = Path(args.work_dir or Path('work_dirs') / name)
    out = Path(args.dump) if args.dump else folder / f'{name}.py'
    try:
        composed = compose(
            args.config,
            args.teacher,
            args.method,
            args.teacher_checkpoint,
            str(out.parent),
            args.baseline,
        )
    except (ValueError, FileNotFoundError, ModuleNotFoundError) as error:
        raise SystemExit(f'distill.py: {error}') from None
    args.config = str(write(composed, out))
    if is_first(args.launcher):
        print(f'{table(composed)}\nConfig: {args.config}', flush=True)
    if args.dump:
        return
    args.work_dir = str(folder)
    cfg = read_config(args)
    # It has the reasons beside its lines; MMEngine's copy has not.
    name_copy(cfg, f'full_{out.name}')
    apply_training_options(cfg, args)
    build_runner(cfg).train()
    leave_process_group()


if __name__ == '__main__':
    run_tool(main, lambda: resume_command(sys.argv))
