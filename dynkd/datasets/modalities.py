# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The modalities of a clip: frames, and the motion between them."""

from collections.abc import Iterable
from typing import Any

import numpy as np

#: Name of each modality, as streams read it, and its key in a sample's results. A
#: modality is a list of images, or an array of them once its shape is formatted.
MODALITIES = {'rgb': 'imgs', 'flow': 'flow'}


def clip_name(results: dict[str, Any]) -> str:
    """Where a clip comes from, for messages.

    Args:
        results (dict): A sample of MMAction2's ``VideoDataset`` or ``RawframeDataset``.

    Returns:
        str: ``video clips/a.mp4``, ``frames in clips/a``, or ``the clip`` where the
        results name neither.
    """
    if 'frame_dir' in results:
        return f'frames in {results["frame_dir"]}'
    return f'video {results["filename"]}' if 'filename' in results else 'the clip'


def flow_number(results: dict[str, Any], index: int) -> int:
    """Number in its file name of the flow that leaves a frame.

    Raw frames and their flow have the same numbers. Frames of a video are counted from
    the data set's ``start_index``, the flow that is extracted from it from 1.

    Args:
        results (dict): A sample with ``start_index``; raw frames (``frame_dir``) may
            have an ``offset``.
        index (int): The frame, as in ``frame_inds``.

    Returns:
        int: The number.
    """
    if 'frame_dir' in results:
        return int(index) + results.get('offset', 0)
    return int(index) - results.get('start_index', 0) + 1


def pick(images: dict[int, np.ndarray], numbers: Iterable[int]) -> list[np.ndarray]:
    """Images in the order of a clip.

    Args:
        images (dict[int, np.ndarray]): The images by number.
        numbers (iterable of int): Those of the clip, some perhaps several times.

    Returns:
        list[np.ndarray]: The images. One that comes again is a copy: transforms write
        into images.
    """
    found: list[np.ndarray] = []
    seen: set[int] = set()
    for number in numbers:
        found.append(images[number].copy() if number in seen else images[number])
        seen.add(number)
    return found
