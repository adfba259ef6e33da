# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Predict with an exported model in a process that knows nothing of DynKD.

``python predict_plainly.py CONFIG CHECKPOINT OUT IMAGE...``
"""

import importlib
import sys
from typing import Optional

import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from predictions import predict


def import_torchvision() -> Optional[torch.library.Library]:
    """Let torchvision be imported where its compiled operators do not load.

    So it is where a CPU build of torch stands beside a CUDA build of torchvision, as
    package registries serve them. ``import dynkd`` does it by itself; a process without
    DynKD must do it by hand, or have wheels that fit each other.

    Returns:
        torch.library.Library, optional: The declarations, which live as long as it
        does. None where the operators load.
    """
    try:
        importlib.import_module('torchvision')
        return None
    except RuntimeError:
        library = torch.library.Library('torchvision', 'FRAGMENT')
        signature = '(Tensor dets, Tensor scores, float iou_threshold) -> Tensor'
        for name in ('nms', 'qnms'):
            library.define(name + signature)
        return library


def load_as_the_library_does(library: str, config: str, checkpoint: str):
    """Load the model through the library's own interface for users."""
    apis = importlib.import_module(f'{library}.apis')
    if library == 'mmdet':
        return apis.init_detector(config, checkpoint, device='cpu')
    if library == 'mmseg':
        return apis.init_model(config, checkpoint, device='cpu')
    return apis.get_model(config, pretrained=checkpoint, device='cpu')


def main() -> None:
    config, checkpoint, out, *images = sys.argv[1:]
    operators = import_torchvision()
    cfg = Config.fromfile(config)
    library = cfg.default_scope
    importlib.import_module(f'{library}.models')
    init_default_scope(library)
    strict = MODELS.build(cfg.model)
    saved = torch.load(checkpoint, map_location='cpu', weights_only=True)
    strict.load_state_dict(saved['state_dict'], strict=True)
    strict.eval()
    usual = load_as_the_library_does(library, config, checkpoint)
    pipeline = cfg.test_dataloader.dataset.pipeline
    predictions = [
        predict(model.test_step, pipeline, images) for model in (strict, usual)
    ]
    found = dict(strict=predictions[0], usual=predictions[1])
    if library == 'mmseg':
        apis = importlib.import_module('mmseg.apis')
        inferred = [apis.inference_model(usual, image) for image in images]
        found['inferred'] = [sample.pred_sem_seg.data for sample in inferred]
    intruders = [n for n in sys.modules if n.split('.')[0] in ('dynkd', 'geomloss')]
    assert not intruders, intruders
    del operators
    torch.save(found, out)


if __name__ == '__main__':
    main()
