# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The models and the data of a figure, as the options name them.

It imports torch, so tools import it once their options are read.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from data_config import loader_config
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from torch import Tensor, nn

from dynkd.compat import load_checkpoint_file
from dynkd.models.streams import (
    BRANCHES,
    Stream,
    StreamConfig,
    stream_fields,
    stream_weights,
)
from dynkd.models.taps import Recorder, Tap, TapError, collect
from dynkd.utils import shared_preprocessor
from dynkd.utils.cli import config_of_file


def data_loader(cfg: Config, args: argparse.Namespace, every: bool = False) -> Any:
    """The data of a config: shuffled, in whole batches; or every sample once.

    Args:
        cfg (Config): The config.
        args (Namespace): The options: ``config``, ``split``, ``batch_size``, and
            ``seed`` where the data are shuffled.
        every (bool): Whether every sample comes once, in order. Defaults to False.

    Returns:
        DataLoader: The batches, the same for the same seed.

    Raises:
        SystemExit: If the config has no such data, or not enough for a batch.
    """
    loader = loader_config(cfg, args.split, args.config)
    loader.pop('batch_sampler', None)
    loader.update(
        batch_size=args.batch_size,
        # Images lie in the order of their classes often.
        sampler=dict(type='DefaultSampler', shuffle=not every),
        drop_last=not every,
    )
    built = Runner.build_dataloader(loader, seed=0 if every else args.seed)
    if len(built) == 0:
        raise SystemExit(
            f'The {args.split} data of {args.config} are {len(built.dataset)} samples, '
            f'fewer than a batch of {args.batch_size}.'
        )
    return built


def class_names(loader: Any, labels: Iterable[int]) -> list[str]:
    """What classes are called.

    Args:
        loader (DataLoader): The data.
        labels (iterable of int): The classes.

    Returns:
        list[str]: Their names; their numbers, where the data have no names.
    """
    names = loader.dataset.metainfo.get('classes')
    return [str(names[label]) if names else str(label) for label in labels]


class Model:
    """A model of a figure: what its taps yield, and what it predicts.

    Args:
        cfg (StreamConfig): Its config.
        model (nn.Module): The model, with its weights. It is put into evaluation mode.
        taps (sequence of str): Its taps, without the name of the stream. Defaults to
            ().
        device (str, optional): Where it runs. Defaults to None: on an accelerator,
            where there is one.

    Raises:
        SystemExit: If it has no such tap.
    """

    def __init__(
        self,
        cfg: StreamConfig,
        model: nn.Module,
        taps: Sequence[str] = (),
        device: str | None = None,
    ) -> None:
        self.scope = cfg.scope
        self.model: nn.Module = model.requires_grad_(False).eval()
        self.model.to(device or get_device())
        self.stream = Stream(cfg, self.model)
        try:
            self.taps = [Tap.parse(f'{cfg.name}.{tap}') for tap in taps]
            for tap in self.taps:
                tap.find(self.model)
        except ValueError as error:
            raise SystemExit(str(error)) from None
        self.recorder = Recorder(self.taps)

    @classmethod
    def read(
        cls,
        config: str,
        checkpoint: str,
        taps: Sequence[str] = (),
        device: str | None = None,
        name: str = 'student',
    ) -> Model:
        """Read a plain model.

        Args:
            config (str): Its config: a file, or of an installed library.
            checkpoint (str): Path or URL of its weights.
            taps (sequence of str): Its taps. Defaults to ().
            device (str, optional): Where it runs. Defaults to None.
            name (str): What messages call it. Defaults to 'student'.

        Returns:
            Model: The model.
        """
        found = StreamConfig.from_cfg(name, dict(config=config, checkpoint=checkpoint))
        return cls(found, found.build(), taps, device)

    def features(self, batch: dict) -> list[Tensor]:
        """What the taps yield for a batch.

        Args:
            batch (dict): A batch as the data loader gives it.

        Returns:
            list[Tensor]: A feature (B, ...) for each tap.

        Raises:
            SystemExit: If a tap yields several tensors, or nothing at its index.
        """
        with DefaultScope.overwrite_default_scope(self.scope):
            own = self.stream.prepare(copy.deepcopy(batch), False)
            try:
                found = collect(self.stream.observe(self.recorder, **own))
            except TapError as error:
                raise SystemExit(str(error)) from None
        for tap, feature in found.items():
            if not isinstance(feature, Tensor):
                raise SystemExit(
                    f'The tap `{tap}` yields {len(feature)} tensors: choose one, '
                    f'`{tap.module}[-1]` for example.'
                )
        return [found[tap] for tap in self.taps]

    @torch.no_grad()
    def probabilities(self, batch: dict) -> Tensor:
        """How probable a classifier finds each class.

        Args:
            batch (dict): A batch as the data loader gives it.

        Returns:
            Tensor: Shape (B, classes).

        Raises:
            SystemExit: If it is no classifier.
        """
        with DefaultScope.overwrite_default_scope(self.scope):
            own = self.stream.prepare(copy.deepcopy(batch), False)
            (samples,) = self.stream.predict(own).values()
        if not all(hasattr(sample, 'pred_score') for sample in samples):
            raise SystemExit(
                f'{type(self.model).__name__} is no classifier: it predicts no scores '
                'of classes.'
            )
        return torch.stack([sample.pred_score.cpu() for sample in samples])


def read_models(args: argparse.Namespace, taps: Sequence[str] = ()) -> dict[str, Model]:
    """Read the models that ``add_models`` of ``tool_options`` asks for.

    Args:
        args (Namespace): The options.
        taps (sequence of str): The taps of each. Defaults to ().

    Returns:
        dict[str, Model]: The models by label: plain ones, then the streams of a
        distillation, its student last.

    Raises:
        SystemExit: If two have the same label, or there is no such stream.
    """
    models = {
        label: Model.read(config, checkpoint, taps, name=label)
        for label, config, checkpoint in args.model
    }
    if args.distillation is None:
        return models
    streams = _read_streams(*args.distillation, args.streams, taps)
    for name in streams:
        if name in models:
            raise SystemExit(
                f'--model {name}: a stream of the distillation has this name too.'
            )
    return {**models, **streams}


def predict_every(
    cfg: Config, args: argparse.Namespace, models: Mapping[str, Model]
) -> tuple[np.ndarray, dict[str, np.ndarray], Any]:
    """Let classifiers predict every sample of the data.

    Args:
        cfg (Config): The config whose data are used.
        args (Namespace): The options, as for :func:`data_loader`.
        models (dict[str, Model]): The models by label.

    Returns:
        tuple: The labels of the samples, shape (N,); for each model the probabilities
        of the classes, shape (N, classes); and the data loader.

    Raises:
        SystemExit: If a sample has not one label, or a label is no class of a model.
    """
    loader = data_loader(cfg, args, every=True)
    labels: list[int] = []
    found: dict[str, list[Tensor]] = {label: [] for label in models}
    for batch in loader:
        for sample in batch['data_samples']:
            own = getattr(sample, 'gt_label', None)
            if own is None or own.numel() != 1:
                raise SystemExit(f'The data of {args.config} have not one label each.')
            labels.append(int(own))
        for label, model in models.items():
            found[label].append(model.probabilities(batch))
    scores = {label: torch.cat(own).numpy() for label, own in found.items()}
    for label, own in scores.items():
        if max(labels) >= own.shape[1]:
            raise SystemExit(
                f'{label} predicts {own.shape[1]} classes, but there are images of '
                f'class {max(labels)}.'
            )
    return np.array(labels), scores, loader


def _read_streams(
    path: str, checkpoint: str, names: Sequence[str] | None, taps: Sequence[str]
) -> dict[str, Model]:
    """Read streams of a distillation."""
    cfg = config_of_file(path)
    streams = cfg.model.get('streams')
    if streams is None:
        raise SystemExit(f'{path} has no streams: it is not of a distillation.')
    for name in names or ():
        if name not in streams:
            raise SystemExit(f'{path} has no stream `{name}`: {", ".join(streams)}.')
    # The teacher comes first, as in a figure of a paper.
    wanted = names or sorted(streams, key=lambda name: name == 'student')
    state = load_checkpoint_file(checkpoint).get('state_dict', {})
    found = {name: _read_stream(cfg, name, state, taps) for name in wanted}
    if not any(stream_weights(state, name) for name in streams):
        raise SystemExit(f'{checkpoint} is not of a distillation: it has no streams.')
    return found


def _read_stream(
    cfg: Config, name: str, state: dict[str, Tensor], taps: Sequence[str]
) -> Model:
    """Read a stream: a trained one from the checkpoint, a frozen one as it started."""
    spec = stream_fields(name, cfg.model.streams[name])
    # Only the plain model is looked at.
    spec.pop('branches', None)
    weights = stream_weights(state, name)
    if weights:
        # Where it started from may be gone.
        spec.update(checkpoint=None, frozen=False)
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmengine')):
        found = StreamConfig.from_cfg(name, spec, shared_preprocessor(cfg))
        model = found.build()
    if weights:
        own = {k: v for k, v in weights.items() if not k.startswith(BRANCHES)}
        model.load_state_dict(own)
    return Model(found, model, taps)
