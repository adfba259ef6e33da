# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What a demo shows of its trainings: a table and a figure."""

from dataclasses import dataclass
from pathlib import Path

from dynkd.utils import RunLog
from dynkd.visualization.curves import draw_curves

#: Whose metrics: the folder of a run, and the prefix of a stream in its log ('' where
#: there is one model).
Source = tuple[str, str]
#: The narrowest column of numbers.
_NARROWEST = 5


@dataclass(frozen=True)
class Report:
    """What to show.

    Args:
        metrics (dict[str, str]): Metrics of the table by their titles there; the first
            is drawn.
        rows (dict[str, tuple[str, str]]): Whose metrics each row of the table has, by
            its label.
        panels (dict[str, dict[str, tuple[str, str]]]): Whose curves each panel of the
            figure has, by their labels there.
        measure (str): What the numbers are, in words.
        axis (str): What the figure says beside them.
        library (str): What the exported student is for.
        percent (bool): Whether the table has percents. Defaults to False: fractions.
    """

    metrics: dict[str, str]
    rows: dict[str, Source]
    panels: dict[str, dict[str, Source]]
    measure: str
    axis: str
    library: str
    percent: bool = False

    def write(self, out: Path, seconds: float) -> None:
        """Print the table, and write it and the figure.

        Args:
            out (Path): The directory of the demo.
            seconds (float): How long this call took.
        """

        def curve(source: Source, metric: str) -> dict[int, float]:
            folder, prefix = source
            return RunLog(out / folder).curve(prefix + metric)

        last = {
            label: [list(curve(own, m).values())[-1] for m in self.metrics.values()]
            for label, own in self.rows.items()
        }
        text = self.table(last)
        (out / 'results.md').write_text(text)
        drawn = next(iter(self.metrics.values()))
        panels = {
            title: {label: curve(source, drawn) for label, source in own.items()}
            for title, own in self.panels.items()
        }
        figure = draw_curves(panels, out / 'curves.png', 'epoch', self.axis)
        minutes = f'{seconds / 60:.1f} minutes'
        print(f'\n{text}\n{self.measure} at the last epoch, one seed, {minutes}.')
        student = f'{out}/dkd/student.pth'
        print(f'Curves: {figure}\nThe student for plain {self.library}: {student}')

    def table(self, values: dict[str, list[float]]) -> str:
        """Lay the table out.

        Args:
            values (dict[str, list[float]]): The metrics of each row by its label.

        Returns:
            str: The table, in Markdown.
        """
        first = max(map(len, values))
        widths = [max(len(title), _NARROWEST) for title in self.metrics]
        digits, scale = (1, 100) if self.percent else (3, 1)
        heads = [title.rjust(width) for title, width in zip(self.metrics, widths)]
        lines = [[' ' * first, *heads]]
        for label, own in values.items():
            cells = (f'{scale * v:{w}.{digits}f}' for v, w in zip(own, widths))
            lines.append([label.ljust(first), *cells])
        text = ['| ' + ' | '.join(cells) + ' |' for cells in lines]
        rule = ''.join('-' * (width + 1) + ':|' for width in widths)
        text.insert(1, f'|{"-" * (first + 2)}|{rule}')
        return '\n'.join(text) + '\n'
