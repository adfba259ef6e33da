# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What cannot go together with a store."""

import torch.nn as nn

#: What the data preprocessors of MMPretrain, MMDetection and MMAction2 mix images by.
MIXERS = ('batch_augments', 'blending')


def check_batch_augments(model: nn.Module) -> None:
    """Refuse a stream that mixes images where a store keeps its predictions.

    Mixup and CutMix make an image, and a label, of two samples: what the stream says
    about it is a prediction for neither.

    Args:
        model (nn.Module): The distillation, with ``stores`` and ``stream(name)``.

    Raises:
        ValueError: If the data preprocessor of such a stream mixes.
    """
    for name, store in model.stores.items():
        for tap in store.taps:
            stream = tap.partition('.')[0]
            preprocessor = getattr(model.stream(stream), 'data_preprocessor', None)
            for key in MIXERS:
                if getattr(preprocessor, key, None) is not None:
                    raise ValueError(
                        f'store `{name}` keeps predictions of `{tap}`, but the data '
                        f'preprocessor of stream `{stream}` mixes images '
                        f'(`{key}`: mixup, cutmix): their labels and predictions are '
                        f'not those of one sample. Take `{key}` out, or what sets it: '
                        '`train_cfg.augments` of the model.'
                    )
