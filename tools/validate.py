# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Validate the streams of a config as its training would begin."""

from mmengine.fileio import dump

from dynkd.compat import leave_process_group
from dynkd.utils import plain_types
from dynkd.utils.cli import base_parser, build_runner, read_config
from dynkd.utils.tool import run_tool


def main() -> None:
    """Read the options, validate, and print or save the metrics."""
    parser = base_parser(
        'Validate the streams of a config as its training would begin: with the '
        'checkpoints that it gives them, before the first step'
    )
    parser.add_argument('--out', help='a JSON file to write the metrics to')
    args = parser.parse_args()
    if args.out is not None and not args.out.endswith('.json'):
        parser.error(f'--out must end with .json: {args.out}')
    cfg = read_config(args)
    # Nothing is saved, not even as the best so far.
    cfg.default_hooks = dict(cfg.get('default_hooks', {}), checkpoint=None)
    runner = build_runner(cfg)
    # MMEngine does it when a training begins, and not for a validation.
    getattr(runner.model, 'module', runner.model).init_weights()
    metrics = runner.val()
    if args.out is not None and runner.rank == 0:
        dump(plain_types(metrics), args.out)
    leave_process_group()


if __name__ == '__main__':
    run_tool(main)
