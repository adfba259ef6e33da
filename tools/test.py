# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Test the streams of a checkpoint."""

from mmengine.fileio import dump

from dynkd.compat import leave_process_group
from dynkd.utils import plain_types
from dynkd.utils.cli import base_parser, build_runner, read_config
from dynkd.utils.tool import run_tool


def main() -> None:
    """Read the options, test, and print or save the metrics."""
    parser = base_parser('Test the streams of a checkpoint')
    parser.add_argument('checkpoint', help='the checkpoint of a distillation')
    parser.add_argument('--out', help='a JSON file to write the metrics to')
    args = parser.parse_args()
    if args.out is not None and not args.out.endswith('.json'):
        parser.error(f'--out must end with .json: {args.out}')
    cfg = read_config(args)
    cfg.load_from = args.checkpoint
    runner = build_runner(cfg)
    metrics = runner.test()
    if args.out is not None and runner.rank == 0:
        dump(plain_types(metrics), args.out)
    leave_process_group()


if __name__ == '__main__':
    run_tool(main)
