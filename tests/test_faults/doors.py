# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Loads every file of a folder through one door, and says what came of each.

``python doors.py DOOR FOLDER``; a file ``train.pth`` makes the run that is resumed.
"""

import importlib
import json
import resource
import shutil
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Callable

import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner, load_checkpoint
from mmengine.runner.checkpoint import CheckpointLoader

from dynkd.compat import load_checkpoint_file
from dynkd.models.streams import load_stream_checkpoint


class Model(BaseModel):
    def __init__(self, checkpoint=None):
        init = None if checkpoint is None else dict(type='Pretrained')
        super().__init__(init_cfg=init and dict(init, checkpoint=checkpoint))
        self.a = torch.nn.Linear(3, 2)

    def forward(self, x, mode='tensor'):
        return dict(loss=self.a(x).sum())


def make_runner(work_dir: str, epochs: int = 1, **options) -> Runner:
    return Runner(
        Model(),
        work_dir,
        train_dataloader=dict(
            batch_size=2,
            dataset=[(torch.ones(3),)] * 2,
            collate_fn=dict(type='default_collate'),
            sampler=dict(type='DefaultSampler', shuffle=False),
        ),
        train_cfg=dict(by_epoch=True, max_epochs=epochs),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.01, momentum=0.9)),
        default_hooks=dict(
            checkpoint=dict(type='dynkd.CheckpointHook', max_keep_ckpts=1)
        ),
        default_scope='mmengine',
        experiment_name=Path(work_dir).name,
        log_level='ERROR',
        **options,
    )


def run(path: Path, **options) -> None:
    folder = tempfile.mkdtemp(dir=path.parent)
    try:
        make_runner(folder, load_from=str(path), **options).train()
    finally:
        shutil.rmtree(folder)


def auto(path: Path) -> None:
    """The only checkpoint of a work directory."""
    folder = Path(tempfile.mkdtemp(dir=path.parent))
    try:
        shutil.copy(path, folder / 'epoch_1.pth')
        (folder / 'last_checkpoint').write_text(str(folder / 'epoch_1.pth'))
        make_runner(str(folder), resume=True).train()
    finally:
        shutil.rmtree(folder)


def inferencer(path: Path) -> None:
    """An inferencer that receives weights alone, and finds no config in them."""
    from mmdet.apis import DetInferencer

    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        try:
            DetInferencer(weights=str(path), device='cpu')
        except ValueError as error:
            if 'Cannot find the config' not in str(error):
                raise


DOORS: dict[str, Callable[[Path], object]] = dict(
    load_checkpoint_file=load_checkpoint_file,
    loader=lambda path: CheckpointLoader.load_checkpoint(str(path)),
    load_checkpoint=lambda path: load_checkpoint(Model(), str(path)),
    init_cfg=lambda path: Model(str(path)).init_weights(),
    stream=lambda path: load_stream_checkpoint(Model(), str(path), 'teacher'),
    load_from=run,
    resume=lambda path: run(path, resume=True),
    auto_resume=auto,
    inferencer=inferencer,
)


def main() -> None:
    folder = Path(sys.argv[2])
    door = DOORS[sys.argv[1]]
    if door is inferencer:
        # What it imports is not counted as taken by the files.
        importlib.import_module('mmdet.apis')
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    results = {}
    for path in sorted(folder.glob('*.pth')):
        try:
            door(path)
            results[path.stem] = ['', 'loaded']
        except Exception as error:
            kinds = [kind.__name__ for kind in type(error).__mro__]
            results[path.stem] = [kinds, str(error)]
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    grown = (after - before) / 1024
    print('RESULTS', json.dumps(dict(results=results, grown=grown)))


if __name__ == '__main__':
    main()
