# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Exports streams for their plain libraries when training ends."""

from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from mmengine.dist import master_only
from mmengine.hooks import EMAHook, Hook
from mmengine.logging import print_log
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch import Tensor
from torch.utils.data import Dataset

from dynkd.compat import load_checkpoint_file
from dynkd.models.algorithms import Distillation
from dynkd.models.streams import export_stream, stream_weights
from dynkd.registry import HOOKS
from dynkd.utils import distillation_in, unwrap

from .best_checkpoint import best_checkpoint


@HOOKS.register_module()
class ExportHook(Hook):
    """Exports streams for their plain libraries when training ends.

    Writes ``<stream>.pth`` and ``<stream>.py`` into the work directory: weights that
    load strictly, and the config that they load with, in MMPretrain, MMDetection,
    MMAction2 or MMSegmentation without DynKD. With MMEngine's ``EMAHook`` they are the
    averaged weights, as in checkpoints. Of a stream that came as a built model, only
    the weights are written. A run of a distillation that does not have this hook
    is given it.

    These are the weights at the end of the training. Where the best checkpoint is kept
    by a metric of the stream (``save_best``), its weights are written too, as
    ``<stream>_best.pth`` and ``<stream>_best.py``. The log says which epoch each is of.

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
            distillation_in(runner.model).stream(name)

    @master_only
    def after_train(self, runner: Runner) -> None:
        """Export.

        Args:
            runner (Runner): The runner.
        """
        model: Distillation = unwrap(runner.model)
        for name in list(model.streams) if self.streams is None else self.streams:
            self._export(runner, name, _saved_weights(runner, name), _end(runner))
            best = best_checkpoint(runner, name)
            if best is not None:
                checkpoint = load_checkpoint_file(best.path)
                weights = stream_weights(checkpoint['state_dict'], name)
                self._export(runner, name, weights, str(best), '_best')

    def _export(
        self,
        runner: Runner,
        name: str,
        weights: dict[str, Tensor],
        when: str,
        end: str = '',
    ) -> None:
        """Export weights of one stream, and its branches if it has any."""
        model: Distillation = unwrap(runner.model)
        stream = model.stream(name)
        files = {f'{name}{end}.pth': False}
        if self.branches and stream.branches is not None:
            files[f'{name}{end}_with-branches.pth'] = True
        meta = _metainfo(runner.train_dataloader.dataset)
        for file, branches in files.items():
            out = Path(runner.work_dir) / file
            export_stream(stream.cfg, weights, runner.cfg, out, meta, branches)
            print_log(f'Exported `{name}`, {when}, to {out}', logger='current')


def _end(runner: Runner) -> str:
    """When the training ended, in words."""
    if isinstance(runner.train_loop, EpochBasedTrainLoop):
        return f'epoch {runner.epoch}, the last'
    return f'iteration {runner.iter}, the last'


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
