# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What a config says about streams, and how their models are built."""

import copy
import inspect
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Optional, Union, cast

import torch.nn as nn
from mmengine.config import Config, ConfigDict
from mmengine.hub import get_config
from mmengine.logging import print_log
from mmengine.model import BaseModel
from mmengine.registry import MODELS as MMENGINE_MODELS
from mmengine.registry import DefaultScope

from dynkd.compat import is_loaded_later
from dynkd.models.streams.branches import StageBranches, attach_branches
from dynkd.utils import at, checked, classic, suggestion, without_scope
from dynkd.utils.kinds import Count, Text, Weight

from .checkpoint import BRANCHES, load_stream_checkpoint
from .memory_format import order_weights
from .names import check_name
from .numbers import check_numbers
from .pretrained import match_classes, preprocessor_fault


@checked
@dataclass
class StreamConfig:
    """What a config says about one stream: a model that takes part in training.

    Args:
        name (str): The name of the stream, ``'student'`` or ``'teacher'`` for example.
        config (str, optional): Where the model comes from: a config of an installed
            OpenMMLab package (``'mmdet::fcos/….py'``) or the path of a config file.
        model (dict or nn.Module): An inline model config, or a built model. Together
            with ``config``: what to change in that config's model, by MMEngine's
            merging rules (``_delete_`` works).
        checkpoint (str, optional): Path or URL of the weights the stream starts from,
            loaded strictly. Defaults to None: the model initialises itself.
        frozen (bool): Whether the stream is never trained. A frozen stream is in
            evaluation mode, builds no graph, and is neither in optimizers nor in
            checkpoints. Defaults to False.
        norm_eval (bool): Whether batch normalisation layers, but not those of its
            branches, keep their statistics while the stream is trained. Defaults to
            False.
        scope (str, optional): The library whose registry builds the model. Found from
            ``config`` or a prefix of the model's type (``'mmdet.FCOS'``) by default,
            else the scope of the run.
        input (str, optional): Which input the stream reads, where the data has several
            (``inputs`` is a dict). Defaults to None: the one input there is.
        proposals (str, optional): For two-stage detectors, the stream whose sampled
            RoIs this stream's RoI head classifies too, see
            :class:`~dynkd.models.streams.proposals.SharedProposals`.
        input_shape (tuple of int): Shape, without the batch, of the random inputs on
            which the stream has its dry run when the model is built. Defaults to
            (3, 128, 128).
        loss_weight (float): Factor of the stream's own losses. Defaults to 1.0.
        branches (dict, optional): Auxiliary classifiers on the stream's stages: the
            arguments of :class:`~dynkd.models.streams.branches.StageBranches` and
            ``stages``, the names of the modules that end the stages (found by
            themselves for the backbones of MMPretrain). They are trained with the
            stream, tapped as ``'student.branches.0.fc'`` and left out on export.
            Defaults to None.
        channels_last (bool): Whether images and weights of 2D convolutions lie in
            memory with the channels of a position side by side, which is faster for
            some models. Nothing else changes. Defaults to False.
    """

    #: The ``custom_imports`` of its config.
    custom_imports: ClassVar[Optional[dict[str, Any]]] = None

    name: str
    config: Optional[Text] = None
    model: Union[dict[str, Any], nn.Module] = field(default_factory=dict)
    checkpoint: Optional[Text] = None
    frozen: bool = False
    norm_eval: bool = False
    scope: Optional[Text] = None
    input: Optional[Text] = None
    proposals: Optional[Text] = None
    input_shape: tuple[Count, ...] = (3, 128, 128)
    loss_weight: Weight = 1.0
    branches: Optional[dict[str, Any]] = None
    channels_last: bool = False

    @classmethod
    def from_cfg(
        cls,
        name: str,
        cfg: Union[str, dict, nn.Module],
        data_preprocessor: Optional[dict] = None,
    ) -> 'StreamConfig':
        """Read a stream's config and resolve which model it means.

        Args:
            name (str): Name of the stream.
            cfg (str, dict or nn.Module): The fields of this class, or only a ``config``
                or a built ``model``.
            data_preprocessor (dict, optional): The data preprocessor of a model that
                names none.

        Returns:
            StreamConfig: The config, whose ``model`` is the whole model config, or the
            built model.

        Raises:
            KeyError: If the config has an unknown field.
            TypeError: If it is not a config, or a built model is not a model of
                MMEngine.
            ValueError: If it names no model.
            FileNotFoundError: If the config file or the checkpoint does not exist.
        """
        given = stream_fields(name, cfg)
        known = [f.name for f in fields(cls) if f.name != 'name']
        for key in given:
            if key not in known:
                raise KeyError(
                    f'stream `{name}` has an unknown field `{key}`.'
                    f'{suggestion(key, known)} Known fields: {", ".join(known)}.'
                )
        check_name(name)
        with at('streams', name):
            config = cls(name=name, **given)
        if config.is_built:
            config._check_built()
        else:
            config._resolve_model(data_preprocessor)
        config._check_checkpoint()
        return config

    @property
    def is_built(self) -> bool:
        """bool: Whether ``model`` is a built model."""
        return isinstance(self.model, nn.Module)

    def _check_built(self) -> None:
        """Reject a built model that does not run as MMEngine's models do."""
        if not isinstance(self.model, BaseModel):
            raise TypeError(
                f'stream `{self.name}`: {type(self.model).__name__} is not a model of '
                'MMEngine. Derive it from `mmengine.model.BaseModel`: its `forward` '
                'takes `inputs`, `data_samples` and `mode`.'
            )
        if self.config is not None:
            raise ValueError(
                f'stream `{self.name}`: give it a `config` or a built `model`, not '
                'both.'
            )

    def _resolve_model(self, data_preprocessor: Optional[dict]) -> None:
        """Merge ``config`` and ``model`` and find the scope."""
        whole = Config(dict(model={}))
        if self.config is not None:
            whole = read_config(self.name, self.config)
            data_preprocessor = whole.get('data_preprocessor', data_preprocessor)
            self.scope = self.scope or whole.get('default_scope')
            # Of this instance: it is no field that a user sets.
            vars(self)['custom_imports'] = whole.get('custom_imports')
        if self.model:
            # Merging takes `_delete_` out of its argument.
            whole.merge_from_dict(dict(model=copy.deepcopy(self.model)))
        model = ConfigDict(whole.model)
        if 'type' not in model:
            raise ValueError(
                f'stream `{self.name}` names no model: give it `model=dict(type=…)`, '
                "`config='mmdet::…'` or the path of a config file."
            )
        if data_preprocessor is not None:
            model.setdefault('data_preprocessor', data_preprocessor)
        match_classes(model)
        if self.scope is None:
            self.scope = _library(model.type)
        if self.scope is None and DefaultScope.get_current_instance() is not None:
            self.scope = DefaultScope.get_current_instance().scope_name
        self.model = model

    def _check_checkpoint(self) -> None:
        """Reject a checkpoint that does not exist, before anything is built."""
        path = self.checkpoint
        if path is None or '://' in path or path.startswith('open-mmlab:'):
            return
        if is_loaded_later(self.name):
            return
        if not Path(path).is_file():
            raise FileNotFoundError(
                f'stream `{self.name}` starts from the checkpoint `{path}`, '
                'which does not exist.'
            )

    def build(self) -> BaseModel:
        """Build the model in its own library's scope and load its checkpoint.

        Returns:
            BaseModel: The model, frozen if the stream is.

        Raises:
            RuntimeError: If the checkpoint does not fit the model.
            ValueError: If the branches do not fit the model's stages.
        """
        with DefaultScope.overwrite_default_scope(self.scope):
            model: Any = self.model
            if not self.is_built:
                # Constructors such as DETR's change the config that they receive.
                model = MMENGINE_MODELS.build(copy.deepcopy(self.model))
            check_numbers(model, self.name)
            self._check_names(model)
            if self.branches is not None:
                attach_branches(model, self.branches, self.input_shape, self.name)
            if self.checkpoint is not None:
                self._load(model, self.checkpoint)
            elif self.frozen and not self.is_built:
                print_log(
                    f'The frozen stream `{self.name}` has no `checkpoint`: it teaches '
                    'what its own initialisation returns.',
                    logger='current',
                    level=logging.WARNING,
                )
                model.init_weights()
            if self.checkpoint is None and not self.is_built:
                self._check_preprocessor()
        if self.frozen:
            model.requires_grad_(False)
            model.eval()
            if self.channels_last:
                order_weights(model)
        return model

    def _check_names(self, model: nn.Module) -> None:
        """Reject a model that has something else where branches are."""
        own = model._modules.get(BRANCHES.rstrip('.'))
        if own is not None and not isinstance(own, StageBranches):
            raise ValueError(
                f'stream `{self.name}`: {type(model).__name__} has a part called '
                '`branches`, the name under which a stream has its branches. Give the '
                'part another name.'
            )

    def _check_preprocessor(self) -> None:
        """Warn of pretrained weights that would get images of another kind."""
        fault = preprocessor_fault(cast(Mapping[str, Any], self.model))
        if fault is not None:
            print_log(
                f'stream `{self.name}`: {fault}. It will train, but begin with wrong '
                'features. Take the `data_preprocessor` of a config with these weights '
                '(`bgr_to_rgb`, `mean`, `std`), or other weights.',
                logger='current',
                level=logging.WARNING,
            )

    def _load(self, model: Any, checkpoint: str) -> None:
        """Load the checkpoint."""
        if hasattr(model, 'branches'):
            # For those that the checkpoint may not have.
            model.branches.init_weights()
        if not is_loaded_later(self.name):
            load_stream_checkpoint(model, checkpoint, self.name, whole=self.frozen)


def stream_fields(name: str, cfg: Any) -> dict[str, Any]:
    """The fields of a stream's config.

    Args:
        name (str): Name of the stream, for messages.
        cfg (dict, str or nn.Module): The config, the path of one, or a built model.

    Returns:
        dict: The fields, in a dict of their own.

    Raises:
        TypeError: If it is something else.
    """
    if isinstance(cfg, str):
        return dict(config=cfg)
    if isinstance(cfg, nn.Module):
        return dict(model=cfg)
    if isinstance(cfg, Mapping):
        return without_scope(cfg)
    raise TypeError(
        f'stream `{name}` is a dict, the path of a config or a built model, not '
        f'{cfg!r}.'
    )


def _library(kind: Any) -> Optional[str]:
    """The library that a model's type names: by its prefix, or as a class, which may
    derive from one of a library."""
    if isinstance(kind, str):
        paths = [kind]
    else:
        paths = [f'{cls.__module__}.{cls.__name__}' for cls in inspect.getmro(kind)]
    names = (path.partition('.')[0] for path in paths if '.' in path)
    return next(filter(_is_scope, names), None)


def _is_scope(name: str) -> bool:
    """Whether a package has a registry of models of its own."""
    if name not in MMENGINE_MODELS.children:
        try:
            import_module(f'{name}.registry')
        except ImportError:
            return False
    return name in MMENGINE_MODELS.children


def read_config(name: str, path: str) -> Config:
    """Read the config file of a stream, of an installed package or of the user.

    Args:
        name (str): Name of the stream, for messages.
        path (str): A file, or ``'mmdet::…'``.

    Returns:
        Config: What stands in it, in the classic style.

    Raises:
        ModuleNotFoundError: If the package is not installed.
        ValueError: If it has no model.
    """
    package, external, _ = path.partition('::')
    if external and find_spec(package) is None:
        raise ModuleNotFoundError(
            f'stream `{name}` comes from `{path}`, but `{package}` is not installed.'
        )
    cfg = classic(get_config(path) if external else Config.fromfile(path))
    if 'model' not in cfg:
        raise ValueError(f'stream `{name}`: the config `{path}` has no `model`.')
    if external:
        cfg.setdefault('default_scope', package)
    return cfg


def order_streams(streams: dict[str, StreamConfig]) -> Sequence[str]:
    """Order streams so that those providing proposals run before those reading them.

    Args:
        streams (dict[str, StreamConfig]): The streams by name.

    Returns:
        list[str]: The names, in the order in which the streams run in a step.

    Raises:
        ValueError: If a provider does not exist, or takes proposals itself.
    """
    for stream in streams.values():
        provider = stream.proposals
        if provider is None:
            continue
        if provider not in streams or streams[provider].proposals is not None:
            raise ValueError(
                f'stream `{stream.name}` takes the proposals of `{provider}`, which '
                'must be another stream that samples its own. '
                f'Streams: {", ".join(streams)}.'
            )
    return sorted(streams, key=lambda name: streams[name].proposals is not None)
