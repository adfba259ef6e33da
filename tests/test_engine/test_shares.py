# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What TensorBoard and W&B show of a distillation."""

from typing import Any, Optional

import pytest
from mmengine.registry import VISBACKENDS
from mmengine.visualization import BaseVisBackend


class Recorder(BaseVisBackend):
    """A backend that keeps what it is told, as MMEngine tells each of its own."""

    def __init__(self, save_dir: str, **kwargs: Any) -> None:
        super().__init__(save_dir)
        self.scalars: list[dict] = []

    def _init_env(self) -> None:
        pass

    @property
    def experiment(self) -> Any:
        return self

    def add_scalars(
        self, scalar_dict: dict, step: int = 0, file_path: Optional[str] = None
    ) -> None:
        self.scalars.append(dict(scalar_dict))


def test_backends_are_told_the_shares_of_transfers(runner, monkeypatch, tmp_path):
    monkeypatch.setitem(VISBACKENDS._module_dict, 'Recorder', Recorder)
    backend = dict(type='mmengine.Recorder', save_dir=str(tmp_path))
    run = runner(
        teacher=dict(frozen=True),
        train_cfg=dict(by_epoch=True, max_epochs=1),
        default_hooks=dict(logger=dict(type='LoggerHook', interval=1)),
        visualizer=dict(type='Visualizer', vis_backends=[backend], name='recorded'),
    )
    run.train()
    (recorder,) = run.visualizer._vis_backends.values()
    steps = [told for told in recorder.scalars if 'loss_kld' in told]
    assert len(steps) == 2
    # What follows is an average over the last steps.
    first, second = steps
    part = first['loss_kld'] / first['student/loss']
    assert first['kld/share'] == pytest.approx(part, rel=1e-4)
    assert second['kld/share'] > 0
