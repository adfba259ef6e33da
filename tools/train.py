# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Train the streams of a config."""

import sys

from dynkd.compat import leave_process_group
from dynkd.utils.cli import base_parser, build_runner, read_config
from dynkd.utils.tool import resume_command, run_tool


def main() -> None:
    """Read the options and train."""
    parser = base_parser('Train the streams of a config')
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
    args = parser.parse_args()
    cfg = read_config(args)
    if args.amp:
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')
    if args.auto_scale_lr:
        if 'base_batch_size' not in cfg.get('auto_scale_lr', {}):
            parser.error(
                'the config says no `auto_scale_lr = dict(base_batch_size=…)`, the '
                'batch size that its learning rates are for'
            )
        cfg.auto_scale_lr.enable = True
    if args.resume is not None:
        cfg.resume = True
        cfg.load_from = None if args.resume == 'auto' else args.resume
    build_runner(cfg).train()
    leave_process_group()


if __name__ == '__main__':
    run_tool(main, lambda: resume_command(sys.argv))
