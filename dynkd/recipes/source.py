# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The configs that a recipe starts from, and the models that they are of."""

import copy
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from mmengine.config import Config

from dynkd.models.streams import Stream, StreamConfig, read_config
from dynkd.utils import is_python_file

from .input_shapes import input_shape
from .place import ModelView
from .view import view_model


@dataclass(frozen=True)
class Source:
    """A config of a plain model, as the user names it.

    Args:
        path (str): A file, or ``'mmdet::…'``.
        cfg (Config): What stands in it, in the classic style.
        python_style (bool): Whether it was written in MMEngine's Python style, from
            which a classic one cannot inherit. Defaults to False.
    """

    path: str
    cfg: Config
    python_style: bool = False

    @classmethod
    def read(cls, path: str, role: str) -> 'Source':
        """Read a config.

        Args:
            path (str): A file, or ``'mmdet::…'``.
            role (str): ``'student'`` or ``'teacher'``, for messages.

        Returns:
            Source: The config.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it has no model, or is a distillation already.
        """
        if '::' not in path and not Path(path).is_file():
            raise FileNotFoundError(
                f'there is no config `{path}` of the {role}: name a file, or a config '
                "of an installed library, such as 'mmdet::fcos/….py'."
            )
        cfg = read_config(role, path)
        if 'streams' in cfg.model:
            raise ValueError(
                f'`{path}` is a distillation already: train it with tools/train.py.'
            )
        return cls(path, cfg, is_python_file(cfg.filename))

    @property
    def library(self) -> str:
        """str: The library of its model: ``'mmdet'``."""
        return str(self.cfg.get('default_scope', 'mmengine'))

    @property
    def name(self) -> str:
        """str: The name of its file, without the ending."""
        return Path(self.path.rpartition('::')[2]).stem

    @property
    def input_shape(self) -> tuple[int, ...]:
        """tuple of int: Shape of one of its inputs."""
        return input_shape(self.cfg, self.library)

    def view(self, role: str, changes: Optional[dict] = None) -> ModelView:
        """Build the model and look at it.

        Args:
            role (str): Name of the stream.
            changes (dict, optional): What to change in the config's model. Defaults to
                None.

        Returns:
            ModelView: What it is.
        """
        fields: dict[str, Any] = dict(config=self.path, input_shape=self.input_shape)
        if changes:
            fields['model'] = copy.deepcopy(changes)
        stream = StreamConfig.from_cfg(role, fields)
        return view_model(Stream(stream, stream.build()))

    @property
    def preprocessor(self) -> dict:
        """dict: The config of its data preprocessor, beside the model or in it."""
        beside = self.cfg.get('data_preprocessor')
        return self.settings('data_preprocessor') or (
            beside.to_dict() if beside else {}
        )

    def settings(self, name: str) -> dict:
        """A part of its model's config.

        Args:
            name (str): The field.

        Returns:
            dict: The part, of plain dicts and values; empty if there is none.
        """
        found = self.cfg.model.get(name)
        return found.to_dict() if found else {}

    @property
    def classes(self) -> Optional[int]:
        """int or None: Classes of its data, as its heads say."""
        found = {value for _, value in _classes(self.cfg.model)}
        return found.pop() if len(found) == 1 else None

    def with_classes(self, number: int) -> dict:
        """What gives its model another number of classes.

        Args:
            number (int): The number.

        Returns:
            dict: Changes of the model's config.
        """
        changes: dict = {}
        for keys, _ in _classes(self.cfg.model):
            inner: MutableMapping = changes
            for key in keys[:-1]:
                inner = inner.setdefault(key, {})
            inner[keys[-1]] = number
        return changes


def _classes(cfg: Any, keys: tuple[str, ...] = ()) -> Iterator[tuple[tuple, int]]:
    """Where the heads of a model's config name their number of classes."""
    for key, value in cfg.items():
        if key == 'num_classes' and isinstance(value, int):
            if keys and 'head' in keys[-1] and 'rpn' not in keys[-1]:
                yield (*keys, key), value
        elif isinstance(value, MutableMapping):
            yield from _classes(value, (*keys, key))
