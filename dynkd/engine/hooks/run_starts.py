# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What a run starts from, checked by :class:`RunCheckHook`."""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Optional, cast

from mmengine.hooks import CheckpointHook
from mmengine.logging import print_log
from mmengine.runner import Runner

from dynkd.compat import load_checkpoint_file
from dynkd.models.algorithms import Distillation
from dynkd.models.streams import is_pretrained, load_plain_weights, pretrained_files
from dynkd.models.transfers import Transfer


def check_work_dir(runner: Runner, model: Distillation) -> None:
    """Reject a run whose checkpoints would replace those that it starts from.

    Args:
        runner (Runner): The runner.
        model (Distillation): The distillation.

    Raises:
        ValueError: If a stream starts from a file in the run's own folder.
    """
    folders = {folder.resolve() for folder in _folders(runner)}
    for what, path in _starts(runner, model):
        if '://' not in path and Path(path).resolve().parent in folders:
            raise ValueError(
                f"{what} is `{path}`, which lies in this run's own work_dir, where the "
                "run's checkpoints would replace it. Give the run another folder: "
                "`work_dir='work_dirs/…'` in the config, or `--work-dir`."
            )


def _folders(runner: Runner) -> Iterator[Path]:
    """Where the run writes checkpoints."""
    yield Path(runner.work_dir)
    for hook in runner.hooks:
        if isinstance(hook, CheckpointHook) and hook.out_dir is not None:
            # As the hook does when it begins.
            yield Path(hook.out_dir, Path(runner.work_dir).name)


def _starts(runner: Runner, model: Distillation) -> Iterator[tuple[str, str]]:
    """The files from which the run starts, and what each is."""
    if not runner._resume and runner._load_from is not None:
        yield '`load_from`', runner._load_from
    for name, stream in model.all_streams.items():
        if stream.cfg.checkpoint is not None:
            yield f'the checkpoint of stream `{name}`', stream.cfg.checkpoint
        elif not stream.cfg.is_built:
            for path in pretrained_files(stream.cfg.model):
                yield f'an `init_cfg` of stream `{name}`', path


def check_teachers(runner: Runner, model: Distillation) -> None:
    """Warn of a trained teacher that knows nothing yet.

    Args:
        runner (Runner): The runner.
        model (Distillation): The distillation.
    """
    if runner._has_loaded or model.teacher_from_scratch:
        return
    for name, learner in _teaching(model).items():
        cfg = model.stream(name).cfg
        if cfg.is_built or cfg.frozen or cfg.checkpoint is not None:
            continue
        if not is_pretrained(cast(Mapping[str, Any], cfg.model)):
            print_log(
                f'The stream `{name}` teaches `{learner}` and has no `checkpoint`: it '
                'starts from its own initialisation, and has nothing to teach before '
                f'it has learned. Set `streams.{name}.checkpoint` to its trained '
                'weights, unless both are meant to start from scratch.',
                logger='current',
                level=logging.WARNING,
            )


def _teaching(model: Distillation) -> dict[str, str]:
    """The streams that teach another one, and a stream that learns from each; the main
    stream is a student, also where the teacher learns from it."""
    transfers = cast(list[Transfer], list(model.transfers.values()))
    return {
        source.stream: transfer.learner
        for transfer in reversed(transfers)
        for source in transfer.sources
        if source.stream in model.all_streams
        and source.stream not in (transfer.learner, model.main_stream)
    }


class PlainStart:
    """The weights of a plain model that ``load_from`` names, for the main stream.

    A runner would load them into the whole distillation, in which nothing has their
    names. They are for a training that begins; to test plain weights, or to resume a
    plain run, is refused as before.

    Args:
        runner (Runner): The runner, before it loads.
    """

    def __init__(self, runner: Runner) -> None:
        self.path: Optional[str] = None
        self.state: dict[str, Any] = {}
        if runner._resume or runner._load_from is None:
            return
        checkpoint = load_checkpoint_file(runner._load_from)
        state = checkpoint.get('state_dict', checkpoint)
        if not any('streams.' in key for key in state):
            self.path, self.state = runner._load_from, state
            runner._load_from = None

    def load(self, model: Distillation) -> None:
        """Load them, after the model has initialised itself.

        Args:
            model (Distillation): The distillation.

        Raises:
            RuntimeError: If they are those of another model.
        """
        if self.path is None:
            return
        stream = model.stream(model.main_stream)
        if stream.cfg.checkpoint is not None:
            print_log(
                f'`load_from` ({self.path}) is not loaded: the stream `{stream.name}` '
                f'starts from its own `checkpoint`, {stream.cfg.checkpoint}.',
                logger='current',
                level=logging.WARNING,
            )
        else:
            load_plain_weights(stream.model, self.state, self.path, stream.name)
        self.path, self.state = None, {}
