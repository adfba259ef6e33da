# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The file of a comparison: rows, configs, seeds, epochs and controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional, get_type_hints

from mmengine.config import Config

from dynkd.utils.annotations import find_fault
from dynkd.utils.kinds import Count, Index, Text

# The fields of these classes are checked against their annotations, so that those are
# what :func:`find_fault` knows: `Optional[str]`, not `str | None`.

#: The fields that a row, or the file, must have.
_NEEDED = ('name', 'config', 'metrics', 'rows')


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

    name: Text
    config: Text
    streams: Optional[tuple[str, ...]] = None
    starts: Mapping[str, str] = field(default_factory=dict)
    against: Mapping[str, Optional[str]] = field(default_factory=dict)
    once: bool = False
    epochs: Optional[Count] = None
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

    name: Text
    rows: tuple[Row, ...]
    metrics: tuple[Text, ...]
    seeds: tuple[Index, ...] = (0, 1, 2)
    epochs: Optional[Count] = None
    baseline: Optional[str] = None
    data: Optional[str] = None
    options: tuple[str, ...] = ()
    lower_is_better: bool = False
    once_seed: Optional[Index] = None

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
    # A Python file may import and compute.
    cfg = load_config(path).to_dict()
    cfg = {key: value for key, value in cfg.items() if not key.startswith('_')}
    cfg = {'name': path.stem, **cfg}
    # What is in the rows is checked row by row.
    fields = _fields(str(path), cfg, {**_known(Comparison), 'rows': Sequence[dict]})
    rows = tuple(_row(path, index, row) for index, row in enumerate(fields['rows']))
    return Comparison(**{**fields, 'rows': rows})


def load_config(path: Path, owner: str = '') -> Config:
    """Read a config, or what is written like one.

    Args:
        path (Path): The file.
        owner (str): What has this config, which errors begin with. Defaults to ``''``:
            they begin with the file.

    Returns:
        Config: What it says.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be read.
    """
    start = f'{owner}: ' if owner else ''
    if not path.is_file():
        raise FileNotFoundError(f'{start}there is no file {path}')
    try:
        return Config.fromfile(path)
    except Exception as error:  # a file in Python may raise anything
        reason = f'{type(error).__name__}: {error}'
        if isinstance(error, AttributeError) and path.suffix != '.py':
            # MMEngine does not look at what it has read.
            reason = 'it has to be a dictionary, with names as keys'
        raise ValueError(f'{start}{path} cannot be read: {reason}') from error


def _known(kind: type) -> dict[str, Any]:
    """The fields that there are, each with what its values have to be."""
    return get_type_hints(kind, include_extras=True)


def _row(path: Path, index: int, cfg: Mapping[str, Any]) -> Row:
    """A row of the file."""
    name = cfg.get('name')
    where = f'{path}, row {index}' + (f' ({name})' if isinstance(name, str) else '')
    return Row(**_fields(where, cfg, _known(Row)))


def _fields(
    where: str, cfg: Mapping[str, Any], known: Mapping[str, Any]
) -> dict[str, Any]:
    """Check fields, and make lists tuples.

    Misspelt fields, values of the wrong type and missing fields are refused.
    """
    unknown = sorted(str(key) for key in cfg.keys() - known.keys())
    if unknown:
        raise ValueError(
            f'{where}: there is no field {", ".join(f"`{key}`" for key in unknown)}. '
            f'Fields are: {", ".join(sorted(known))}.'
        )
    missing = [key for key in _NEEDED if key in known and key not in cfg]
    if missing:
        raise ValueError(f'{where}: `{"`, `".join(missing)}` is missing.')
    for key, value in cfg.items():
        name, fault = key, find_fault(value, known[key])
        if fault is None and isinstance(value, Mapping):
            name, fault = f'keys of {key}', find_fault(list(value), Sequence[str])
        if fault is not None:
            raise ValueError(str(fault.error(name, where)))
    return {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in cfg.items()
    }


def _check_named(where: str, named: Mapping[str, str], names: Sequence[str]) -> None:
    """Refuse names of rows that there are not."""
    for key, name in named.items():
        if name not in names:
            raise ValueError(
                f'{where}: `{key}` names the row {name!r}, which is not there. Rows '
                f'that can be named are: {", ".join(names) or "none"}.'
            )
