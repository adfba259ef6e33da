# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The file of a comparison: rows, configs, seeds, epochs and controls."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config
from yaml import YAMLError


@dataclass(frozen=True)
class Row:
    """A row of the table: a config, trained once for each seed.

    Args:
        name (str): Name of the row.
        config (str): The config, relative to the project.
        streams (tuple[str, ...], optional): The streams whose metrics are shown; ``''``
            is a plain model. Defaults to None: ``student`` for a distillation.
        starts (dict[str, str]): The rows from whose last checkpoints streams start, by
            stream; ``''`` is a plain model (its ``init_cfg``). Defaults to none.
        against (dict[str, str or None]): The rows that streams are compared with, by
            stream; None is no row. Defaults to none: the student with the baseline,
            unless the row is trained once.
        once (bool): Whether the first seed is enough, as for a teacher. Defaults to
            False.
        epochs (int, optional): Epochs of this row. Defaults to the comparison's.
        options (tuple[str, ...]): Options of ``--cfg-options``. Defaults to none.
        trained (bool): Whether it is trained. Else its streams are validated as they
            start: what a combination of others' models reaches. Defaults to True.
    """

    name: str
    config: str
    streams: tuple[str, ...] | None = None
    starts: Mapping[str, str] = field(default_factory=dict)
    against: Mapping[str, str | None] = field(default_factory=dict)
    once: bool = False
    epochs: int | None = None
    options: tuple[str, ...] = ()
    trained: bool = True

    @property
    def folder(self) -> str:
        """Its name as part of a path."""
        kept = [c if c.isalnum() or c in '-+.' else '_' for c in self.name]
        return ''.join(kept)


@dataclass(frozen=True)
class Comparison:
    """What is compared.

    Args:
        name (str): Name of the comparison.
        rows (tuple[Row, ...]): Its rows, in the order of the table.
        metrics (tuple[str, ...]): The metrics that are shown. The first decides which
            epoch is the best, and is drawn.
        seeds (tuple[int, ...]): The seeds. Defaults to 0, 1 and 2.
        epochs (int, optional): Epochs of every row. Defaults to None: as many as its
            config has.
        baseline (str, optional): The row that students are compared with. Defaults to
            None: nothing is.
        data (str, optional): The folder of the data, which has to exist. Defaults to
            None.
        options (tuple[str, ...]): Options of ``--cfg-options`` for every row. Defaults
            to none.
        lower_is_better (bool): Whether a small first metric is good. Defaults to False.
        once_seed (int, optional): The seed of rows that are trained once. Defaults to
            None: the first.
    """

    name: str
    rows: tuple[Row, ...]
    metrics: tuple[str, ...]
    seeds: tuple[int, ...] = (0, 1, 2)
    epochs: int | None = None
    baseline: str | None = None
    data: str | None = None
    options: tuple[str, ...] = ()
    lower_is_better: bool = False
    once_seed: int | None = None

    def __post_init__(self) -> None:
        names = [row.name for row in self.rows]
        if not names or not self.metrics or not self.seeds:
            raise ValueError(f'{self.name}: needs at least a row, a metric and a seed.')
        if self.once_seed is None:
            object.__setattr__(self, 'once_seed', self.seeds[0])
        for what in (names, [row.folder for row in self.rows], list(self.seeds)):
            twice = sorted({str(one) for one in what if what.count(one) > 1})
            if twice:
                raise ValueError(f'{self.name}: {", ".join(twice)} is there twice.')
        named = {'baseline': self.baseline} if self.baseline else {}
        _check_named(self.name, named, names)
        for index, row in enumerate(self.rows):
            controls = {
                key: name for key, name in row.against.items() if name is not None
            }
            _check_named(f'{row.name}: against', controls, names)
            # A row starts from a trained one, which has weights, above it, so that
            # there is no circle.
            above = [own.name for own in self.rows[:index] if own.trained]
            _check_named(f'{row.name}: starts', row.starts, above)

    def row(self, name: str) -> Row:
        """Find a row.

        Args:
            name (str): Its name.

        Returns:
            Row: The row.

        Raises:
            ValueError: If there is none of that name.
        """
        _check_named(self.name, {'row': name}, [row.name for row in self.rows])
        return next(row for row in self.rows if row.name == name)

    def seeds_of(self, row: Row) -> tuple[int, ...]:
        """The seeds of a row.

        Args:
            row (Row): The row.

        Returns:
            tuple[int, ...]: All, or that of rows that are trained once.
        """
        if not row.once:
            return self.seeds
        return (self.seed_of(row, self.seeds[0]),)

    def seed_of(self, row: Row, seed: int) -> int:
        """The seed of a row that belongs to a seed of the comparison.

        Args:
            row (Row): The row.
            seed (int): A seed.

        Returns:
            int: This one, or that of rows that are trained once.
        """
        return self.once_seed if row.once and self.once_seed is not None else seed


def read(path: Path) -> Comparison:
    """Read the file of a comparison.

    Args:
        path (Path): A file in Python, YAML or JSON.

    Returns:
        Comparison: What it says.

    Raises:
        ValueError: If it says something that there is not, or leaves out what it must
            say.
        FileNotFoundError: If there is no such file.
    """
    try:
        cfg = Config.fromfile(path).to_dict()
    except FileNotFoundError:
        raise
    except (OSError, SyntaxError, ValueError, YAMLError) as error:
        raise ValueError(f'{path}: {error}') from error
    # A Python file may import and compute.
    names = {item.name for item in dataclasses.fields(Comparison)}
    cfg = {key: value for key, value in cfg.items() if not key.startswith('_')}
    _check_fields(str(path), cfg, names, ('rows', 'metrics'))
    cfg.setdefault('name', path.stem)
    rows = tuple(_row(str(path), index, row) for index, row in enumerate(cfg['rows']))
    lists = _tuples(str(path), cfg, ('metrics', 'seeds', 'options'))
    return Comparison(**{**cfg, **lists, 'rows': rows})


def _row(path: str, index: int, cfg: Any) -> Row:
    """A row of the file."""
    if not isinstance(cfg, dict):
        raise ValueError(
            f'{path}: row {index} has to be a dictionary with `name` and `config`, and '
            f'is {cfg!r}.'
        )
    names = {item.name for item in dataclasses.fields(Row)}
    _check_fields(f'{path}, row {index}', cfg, names, ('name', 'config'))
    for key in ('name', 'config'):
        if not isinstance(cfg[key], str):
            raise ValueError(
                f'{path}, row {index}: `{key}` has to be a string, and is {cfg[key]!r}.'
            )
    return Row(**{**cfg, **_tuples(path, cfg, ('streams', 'options'))})


def _tuples(
    where: str, cfg: Mapping[str, Any], keys: Sequence[str]
) -> dict[str, tuple]:
    """The fields that are lists."""
    found = {}
    for key in keys:
        if cfg.get(key) is None:
            continue
        if not isinstance(cfg[key], (list, tuple)):
            raise ValueError(f'{where}: `{key}` has to be a list, and is {cfg[key]!r}.')
        found[key] = tuple(cfg[key])
    return found


def _check_fields(
    where: str, cfg: Mapping[str, Any], known: set[str], needed: Sequence[str]
) -> None:
    """Refuse misspelt fields, and files without the necessary ones."""
    unknown = sorted(cfg.keys() - known)
    if unknown:
        raise ValueError(
            f'{where}: there is no field {", ".join(f"`{key}`" for key in unknown)}. '
            f'Fields are: {", ".join(sorted(known))}.'
        )
    missing = [key for key in needed if not cfg.get(key)]
    if missing:
        raise ValueError(f'{where}: `{"`, `".join(missing)}` is missing.')


def _check_named(where: str, named: Mapping[str, str], names: Sequence[str]) -> None:
    """Refuse names of rows that there are not."""
    for key, name in named.items():
        if name not in names:
            raise ValueError(
                f'{where}: `{key}` names the row {name!r}, which is not there. Rows '
                f'that can be named are: {", ".join(names) or "none"}.'
            )
