# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Draw curves of what runs logged, several runs side by side.

By default: the CKA and the mask ratio of every stage of DPK, whichever was logged,
averaged over each epoch, as in Figs. 7 and 8 of its paper; of other runs the metric of
all streams, teacher and student in one panel. Metrics of a validation stand at their
epoch. Transfers as shares of their learner's task loss: --keys '*/share' --log
"""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Optional

from tool_options import add_out, check_out, described_parser

from dynkd.utils import RunLog
from dynkd.utils.tool import run_tool
from dynkd.visualization import draw_curves, line_style, save_figure

Curve = dict[int, float]
#: What is drawn by default, as far as it was logged.
DEFAULT_KEYS = ('*/cka*', '*/ratio*')


def parse_args(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Read the options.

    Args:
        argv (list[str], optional): The arguments. Defaults to None: the command line's.

    Returns:
        argparse.Namespace: The options.
    """
    parser = described_parser(__doc__)
    parser.add_argument(
        'runs', nargs='+', type=Path, metavar='run', help='work directory of a run'
    )
    add_out(parser)
    parser.add_argument(
        '--keys',
        nargs='+',
        help='names of logged values, or patterns of them; a row of panels for each '
        f'({" ".join(DEFAULT_KEYS)}, whichever there is; else the metric of the '
        'streams)',
    )
    parser.add_argument('--labels', nargs='+', help="the runs' names in the legend")
    parser.add_argument(
        '--per',
        choices=['epoch', 'iteration'],
        default='epoch',
        help='average the iterations of an epoch, or show each that was logged (epoch)',
    )
    parser.add_argument(
        '--log', action='store_true', help='logarithmic axes of rows of positive values'
    )
    args = parser.parse_args(argv)
    check_out(parser, args.out)
    if args.labels is None:
        names = [run.resolve().name for run in args.runs]
        unique = len(set(names)) == len(names)
        args.labels = names if unique else [str(run) for run in args.runs]
    if len(args.labels) != len(args.runs):
        parser.error(f'{len(args.labels)} --labels for {len(args.runs)} runs.')
    if len(set(args.labels)) != len(args.labels):
        parser.error(f'--labels must differ: {" ".join(args.labels)}')
    return args


def by_epoch(log: RunLog) -> bool:
    """Whether a run counted epochs.

    Args:
        log (RunLog): Its log.

    Returns:
        bool: Whether its training records have an epoch.
    """
    return any('epoch' in record for record in log.records)


def curve(log: RunLog, name: str, per: str) -> Curve:
    """A logged value over a run.

    Args:
        log (RunLog): The log of the run.
        name (str): Name of the value.
        per (str): ``'epoch'``: the mean over the records of each epoch;
            ``'iteration'``: each record.

    Returns:
        dict[int, float]: The value by epoch or iteration. A run that knows no epochs
        has it by iteration. What a resumed run did again replaces what it had done
        before.

    Raises:
        SystemExit: If a value was measured once an epoch and is asked for by iteration.
    """
    if not by_epoch(log):
        return log.curve(name)
    records = [record for record in log.records if name in record]
    # `time` is logged by trainings and by validations, whose steps are epochs.
    records = [own for own in records if not _is_validation(own)] or records
    epochs = {record['step']: record.get('epoch') for record in records}
    found = {record['step']: record[name] for record in records}
    values = dict(sorted(found.items()))
    measured = None in epochs.values()
    if per == 'iteration':
        if measured:
            raise SystemExit(f'`{name}` was measured once an epoch: use --per epoch.')
        return values
    if measured:
        return values
    groups: dict[int, list[float]] = {}
    for step, value in values.items():
        groups.setdefault(epochs[step], []).append(value)
    return {epoch: sum(found) / len(found) for epoch, found in groups.items()}


def rows(
    logs: dict[str, RunLog], patterns: Optional[Sequence[str]], per: str
) -> list[dict[str, dict[str, Curve]]]:
    """The curves of the figure.

    Args:
        logs (dict[str, RunLog]): The runs by label.
        patterns (sequence of str, optional): Names or patterns of names; ``*/`` stands
            for no name of a transfer, too. None: those of the default that there are.
        per (str): As for :func:`curve`.

    Returns:
        list[dict[str, dict[str, dict[int, float]]]]: For each pattern, by name of the
        value, the curves by label of the run.

    Raises:
        SystemExit: If no run logged a value of a pattern.
    """
    logged = {label: _names([log]) for label, log in logs.items()}
    known = sorted(set().union(*logged.values()))
    found = []
    for pattern in patterns or DEFAULT_KEYS:
        names = [name for name in known if _matches(name, pattern)]
        if not names and patterns:
            raise SystemExit(f'No run logged `{pattern}`. Logged: {", ".join(known)}.')
        if not names:
            continue
        found.append(
            {
                name: {
                    label: curve(log, name, per)
                    for label, log in logs.items()
                    if name in logged[label]
                }
                for name in names
            }
        )
    return found


def _has_default(log: RunLog) -> bool:
    """Whether a run logged what is drawn by default."""
    return any(_matches(name, key) for name in _names([log]) for key in DEFAULT_KEYS)


def _names(logs: Iterable[RunLog]) -> set[str]:
    """The names of the values that runs logged."""
    return {
        key
        for log in logs
        for record in log.records
        for key, value in record.items()
        if isinstance(value, (int, float)) and key not in ('step', 'epoch', 'iter')
    }


def streams_metric(
    logs: dict[str, RunLog],
) -> tuple[str, dict[str, dict[str, Curve]]]:
    """The metric of all streams, for runs that logged nothing else to draw.

    Args:
        logs (dict[str, RunLog]): The runs by label.

    Returns:
        tuple[str, dict]: The metric, and of each run its curves by stream.

    Raises:
        SystemExit: If a run has validated no streams.
    """
    found: dict[str, dict[str, dict[str, Curve]]] = {}
    for label, log in logs.items():
        for record in log.records:
            for name in record:
                stream, slash, metric = name.partition('/')
                # `student/loss_cls` is a loss, `kld_student/share` a transfer's.
                if slash and _is_validation(record) and 'loss' not in metric:
                    runs = found.setdefault(metric, {})
                    runs.setdefault(label, {})[stream] = log.curve(name)
    shared = {
        metric: {label: runs[label] for label in logs}
        for metric, runs in found.items()
        if len(runs) == len(logs) and all(len(own) > 1 for own in runs.values())
    }
    if not shared:
        raise SystemExit(
            f'No run logged {" or ".join(DEFAULT_KEYS)}; nor a metric of several '
            'streams; name others with --keys. Logged: '
            f'{", ".join(sorted(_names(logs.values())))}.'
        )
    # COCO's first metric is its mean, the second that at an IoU of 0.5.
    return next(iter(shared.items()))


def _is_validation(record: Mapping[str, float]) -> bool:
    """Whether a record is of a validation; one of training counts iterations."""
    return 'epoch' not in record and 'iter' not in record


def _matches(name: str, pattern: str) -> bool:
    """Whether a name fits a pattern; that of a transfer `loss` begins with no name."""
    return fnmatchcase(name, pattern) or fnmatchcase(f'/{name}', pattern)


def draw(
    panels: list[dict[str, dict[str, Curve]]],
    labels: Sequence[str],
    x_label: str,
    out: Path,
    log: bool = False,
) -> None:
    """Draw rows of panels, one panel for each value, with one legend for all.

    Args:
        panels (list[dict[str, dict[str, dict[int, float]]]]): What :func:`rows` gives.
        labels (sequence of str): Labels of all runs, in the order of their colours.
        x_label (str): What a step is.
        out (Path): The file to write.
        log (bool): Whether rows of positive values have logarithmic axes. Defaults to
            False.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.ticker import MaxNLocator

    width = max(map(len, panels))
    if width == 1:
        # One stage: CKA and ratio stand side by side.
        panels = [{name: curves for row in panels for name, curves in row.items()}]
        width, share = len(panels[0]), 'none'
    else:
        share = 'row'
    figure = Figure(figsize=(max(4.2 * width, 5), 3.2 * len(panels) + 0.4))
    figure.set_layout_engine('constrained', w_pad=0.1, h_pad=0.06)
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(panels), width, sharey=share, squeeze=False)
    styles = {label: line_style(index) for index, label in enumerate(labels)}
    for line, row in zip(axes, panels):
        for axis in line[len(row) :]:
            axis.set_visible(False)
        values = [v for own in row.values() for c in own.values() for v in c.values()]
        scale = 'log' if log and min(values) > 0 else 'linear'
        for axis, (name, curves) in zip(line, row.items()):
            for label, points in curves.items():
                dense = dict(marker='', linewidth=0.8) if len(points) > 40 else {}
                axis.plot(*zip(*points.items()), **{**styles[label], **dense})
            axis.set(xlabel=x_label, ylabel=name, yscale=scale)
            axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
            axis.tick_params(labelleft=True)
            axis.grid(color='0.9')
    figure.legend(
        [Line2D([], [], **styles[label]) for label in labels],
        labels,
        loc='outside lower center',
        ncols=min(len(labels), 2 * width),
        frameon=False,
    )
    save_figure(figure, out)


def main(argv: Optional[Sequence[str]] = None) -> None:
    """Read the options and draw.

    Args:
        argv (list[str], optional): The arguments. Defaults to None: the command line's.
    """
    args = parse_args(argv)
    try:
        logs = {label: RunLog(run) for label, run in zip(args.labels, args.runs)}
    except FileNotFoundError as error:
        raise SystemExit(str(error)) from None
    counts = {by_epoch(log) for log in logs.values()}
    if len(counts) > 1:
        raise SystemExit('Some runs count epochs and some iterations: plot them apart.')
    x_label = args.per if counts == {True} else 'iteration'
    if args.keys is None and not any(map(_has_default, logs.values())):
        metric, panels = streams_metric(logs)
        if x_label != 'epoch' and counts == {True}:
            raise SystemExit(f'`{metric}` was measured once an epoch: use --per epoch.')
        draw_curves(panels, args.out, x_label, metric, args.log)
        print(f'Wrote {args.out}')
        return
    found = rows(logs, args.keys, args.per)
    draw(found, args.labels, x_label, args.out, args.log)
    print(f'Wrote {args.out}')


if __name__ == '__main__':
    run_tool(main)
