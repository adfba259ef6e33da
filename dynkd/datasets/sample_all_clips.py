# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""All clips of a video, for testing."""

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from dynkd.registry import TRANSFORMS
from dynkd.utils.kinds import Count


@TRANSFORMS.register_module()
class SampleAllClips(BaseTransform):
    """Take all clips of a video that do not overlap, in the order of time.

    For the test of `General Dynamic Knowledge Distillation` (section IV-B): "we apply
    center crop to all non-overlapping clips and calculate their average scores". Unlike
    MMAction2's ``SampleFrames``, the number of clips is that of the video: as many as
    fit into it, at least one. Frames at the end that do not fill a clip are left out; a
    video that is shorter than a clip is looped, as ``SampleFrames`` does (both ours).

    Videos have different numbers of clips, which no batch can hold: the data loader
    needs ``batch_size=1``. The model averages the scores of the clips with
    ``cls_head=dict(average_clips='prob')``.

    **Required keys:** ``total_frames``, ``start_index``

    **Added keys:** ``frame_inds``, ``clip_len``, ``frame_interval``, ``num_clips``

    Args:
        clip_len (int): Frames of a clip. Defaults to 64.
        frame_interval (int): Distance between neighbouring frames of a clip, in frames.
            Defaults to 1.

    Raises:
        ValueError: If an argument is less than 1.
    """

    def __init__(self, clip_len: Count = 64, frame_interval: Count = 1) -> None:
        self.clip_len = clip_len
        self.frame_interval = frame_interval

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Choose the frames.

        Args:
            results (dict): With ``total_frames`` and ``start_index``.

        Returns:
            dict: The same with ``frame_inds``, an int32 array of shape
            (num_clips * clip_len,), one clip after another.
        """
        total = results['total_frames']
        steps = np.arange(self.clip_len) * self.frame_interval
        span = self.clip_len * self.frame_interval
        # The last frame of the last clip must exist, but not the gap after it.
        clips = max(1, (total - steps[-1] - 1) // span + 1)
        frames = np.arange(clips)[:, None] * span + steps
        indices = frames.ravel() % total + results['start_index']
        results['frame_inds'] = indices.astype(np.int32)
        results['clip_len'] = self.clip_len
        results['frame_interval'] = self.frame_interval
        results['num_clips'] = clips
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(clip_len={self.clip_len}, '
            f'frame_interval={self.frame_interval})'
        )
