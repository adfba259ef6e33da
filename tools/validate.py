# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Validate the streams of a config as its training would begin."""

from dynkd.compat import leave_process_group
from dynkd.utils import unwrap
from dynkd.utils.cli import (
    base_parser,
    build_runner,
    parse_evaluation,
    read_evaluation,
    write_metrics,
)
from dynkd.utils.tool import run_tool


def main() -> None:
    """Read the options, validate, and print or save the metrics."""
    parser = base_parser(
        'Validate the streams of a config as its training would begin: with the '
        'checkpoints that it gives them, before the first step'
    )
    args = parse_evaluation(parser)
    cfg = read_evaluation(args, 'validate')
    # Nothing is saved, not even as the best so far.
    cfg.default_hooks = dict(cfg.get('default_hooks', {}), checkpoint=None)
    # MMEngine would load the training data, to log how far the training is.
    for name in ('train_cfg', 'train_dataloader', 'optim_wrapper', 'param_scheduler'):
        cfg[name] = None
    runner = build_runner(cfg)
    # MMEngine does it when a training begins, and not for a validation.
    unwrap(runner.model).init_weights()
    write_metrics(runner.val(), args.out, runner.rank)
    leave_process_group()


if __name__ == '__main__':
    run_tool(main)
