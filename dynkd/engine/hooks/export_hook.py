# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Exports streams for their plain libraries when training ends."""

from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from mmengine.dist import master_only
from mmengine.hooks import EMAHook, Hook
from mmengine.logging import print_log
from mmengine.runner import Runner
from torch import Tensor
from torch.utils.data import Dataset

from dynkd.models.algorithms import Distillation
from dynkd.models.streams import export_stream, stream_weights
from dynkd.registry import HOOKS
from dynkd.utils import unwrap


@HOOKS.register_module()
class ExportHook(Hook):
    """Exports streams for their plain libraries when training ends.

    Writes ``<stream>.pth`` and ``<stream>.py`` into the work directory: weights that
    load strictly, and the config that they load with, in MMPretrain, MMDetection or
    MMAction2 without DynKD. With MMEngine's ``EMAHook`` they are the averaged weights,
    as in checkpoints. Of a stream that came as a built model, only the weights are
    written. A run of a distillation that does not have this hook is given it.

    Args:
        streams (sequence of str, optional): The streams; none with ``[]``. Defaults to
            None: all that are trained.
        branches (bool): Whether to write ``<stream>_with-branches.pth`` as well, for
            streams that have branches: what another distillation starts a stream with
            branches from, such as a frozen teacher whose guided modules teach.
            Defaults to False.
    """

    # After whatever else changes the weights at the end of training.
    priority = 'LOWEST'

    def __init__(
        self, streams: Optional[Sequence[str]] = None, branches: bool = False
    ) -> None:
        self.streams = streams
        self.branches = branches

    def before_run(self, runner: Runner) -> None:
        """Reject streams that do not exist, before the training.

        Args:
            runner (Runner): The runner.
        """
        for name in self.streams or ():
            unwrap(runner.model).stream(name)

    @master_only
    def after_train(self, runner: Runner) -> None:
        """Export.

        Args:
            runner (Runner): The runner.
        """
        model: Distillation = unwrap(runner.model)
        for name in list(model.streams) if self.streams is None else self.streams:
            self._export(runner, name, Path(runner.work_dir) / f'{name}.pth')
            if self.branches and model.stream(name).branches is not None:
                out = Path(runner.work_dir) / f'{name}_with-branches.pth'
                self._export(runner, name, out, branches=True)

    def _export(
        self, runner: Runner, name: str, out: Path, branches: bool = False
    ) -> None:
        """Export one stream to a file."""
        model: Distillation = unwrap(runner.model)
        export_stream(
            model.stream(name).cfg,
            _saved_weights(runner, name),
            runner.cfg,
            out,
            _metainfo(runner.train_dataloader.dataset),
            branches,
        )
        print_log(f'Exported `{name}` to {out}', logger='current')


def _saved_weights(runner: Runner, name: str) -> dict[str, Tensor]:
    """The weights of a stream as a checkpoint has them, by the plain model's names."""
    model: Distillation = unwrap(runner.model)
    if name not in model.streams:
        # Frozen: in no checkpoint, and in no average.
        return model.stream(name).model.state_dict()
    checkpoint = dict(state_dict=model.state_dict())
    for hook in runner.hooks:
        if isinstance(hook, EMAHook):
            hook.before_save_checkpoint(runner, checkpoint)
    return stream_weights(checkpoint['state_dict'], name)


def _metainfo(dataset: Dataset) -> Optional[dict]:
    """Meta information of a data set, or of the one that it wraps."""
    while not hasattr(dataset, 'metainfo') and hasattr(dataset, 'dataset'):
        dataset = dataset.dataset
    return getattr(dataset, 'metainfo', None)
