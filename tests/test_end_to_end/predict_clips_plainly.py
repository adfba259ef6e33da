# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Predict with an exported recognizer as MMAction2 does.

``python predict_clips_plainly.py CONFIG CHECKPOINT OUT``
"""

import importlib
import sys

import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import DATASETS


def predict(step, cfg: Config) -> torch.Tensor:
    """Predict the clips of a config's test set in one batch.

    Args:
        step (Callable): Predicts a batch: a model's ``test_step``.
        cfg (Config): The config.

    Returns:
        Tensor: The scores of the classes, shape (videos, classes).
    """
    clips = DATASETS.build(cfg.test_dataloader.dataset)
    with torch.no_grad():
        samples = step(pseudo_collate([clips[i] for i in range(len(clips))]))
    return torch.stack([sample.pred_score for sample in samples])


def main() -> None:
    config, checkpoint, out = sys.argv[1:]
    # The config imports the backbone.
    cfg = Config.fromfile(config)
    importlib.import_module('mmaction.utils').register_all_modules()
    apis = importlib.import_module('mmaction.apis')
    model = apis.init_recognizer(cfg, checkpoint, device='cpu')
    saved = torch.load(checkpoint, map_location='cpu', weights_only=True)
    model.load_state_dict(saved['state_dict'], strict=True)
    names = sorted({type(part).__module__.split('.')[0] for part in model.modules()})
    torch.save(dict(scores=predict(model.test_step, cfg), names=names), out)


if __name__ == '__main__':
    main()
