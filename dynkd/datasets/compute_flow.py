# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Optical flow that is computed while clips are loaded."""

from collections.abc import Sequence
from typing import Any, Optional, Union

import numpy as np
from mmcv.transforms import BaseTransform

from dynkd.registry import TRANSFORMS

from .build_transforms import Transform, build_transforms, names_of
from .flow import FLOW_BOUND, check_flow_method, compute_flow, quantise_flow, to_grey
from .modalities import clip_name, pick

#: What decodes raw frames, and videos.
DECODERS = dict(frame_dir='RawFrameDecode', video_reader='DecordDecode')


@TRANSFORMS.register_module()
class ComputeFlow(BaseTransform):
    """Decode the frames of a clip and compute their flow, where none was extracted.

    Flow i leads from frame i to frame i + 1 of the video, whatever the interval between
    the frames of the clip, as extracted flow does; the last frame of the video repeats
    the flow of the one before it (ours), and the only frame of a video has zero flow.
    This needs the frames after those of the clip, so this transform replaces the
    decoder, and runs it. A frame that a clip has several times is computed once. The
    coding is that of :class:`LoadFlow`.

    TV-L1 takes about a second for a pair of frames with a short side of 256: far too
    long to train with. It is meant for small frames, for ``method='dis'``, and for
    experiments. Flow counts pixels of the decoded frames; with a ``Resize`` after the
    decoder (``decode=[dict(type='DecordDecode'), dict(type='Resize', scale=(-1,
    256))]``) those of extracted flow, whose short side is 256.

    **Required keys:** ``frame_inds``, ``total_frames``, ``start_index``; what the
    decoder needs

    **Added keys:** ``flow``, a list of images of shape (H, W, 2), uint8; ``imgs`` and
    what else the decoder adds

    Args:
        method (str): One of ``'tvl1'``, ``'dis'`` and ``'farneback'``. Defaults to
            ``'tvl1'``.
        bound (float): Flow that is mapped to 255, in pixels. Defaults to 20.
        decode (list[dict or callable] or dict or callable, optional): The decoder,
            followed by transforms of single frames that draw no random numbers.
            Defaults to None: ``RawFrameDecode`` for raw frames, ``DecordDecode`` for
            videos.

    Raises:
        ValueError: If an argument is out of its range; when the frames were decoded
            before.
        ImportError: If OpenCV lacks the method, or MMAction2 is not installed.
    """

    def __init__(
        self,
        method: str = 'tvl1',
        bound: float = FLOW_BOUND,
        decode: Optional[
            Union[dict, Transform, Sequence[Union[dict, Transform]]]
        ] = None,
    ) -> None:
        check_flow_method(method)
        if not bound > 0:
            raise ValueError(f'ComputeFlow: bound must be above 0, got {bound}')
        self.method = method
        self.bound = bound
        if decode is None:
            decoders = [dict(type=name) for name in DECODERS.values()]
            built = build_transforms(decoders, 'ComputeFlow')
            self.decoders = {key: [own] for key, own in zip(DECODERS, built)}
        else:
            built = build_transforms(decode, 'ComputeFlow')
            self.decoders = dict.fromkeys(DECODERS, built)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Decode a clip and compute its flow.

        Args:
            results (dict): With the frames' indices, and what the decoder needs.

        Returns:
            dict: The same with ``imgs`` and ``flow``, as many of each as
            ``frame_inds`` has indices.

        Raises:
            ValueError: If the frames were decoded before.
            KeyError: If there is nothing to decode.
        """
        if 'imgs' in results:
            raise ValueError(
                f'ComputeFlow: frames of {clip_name(results)} were decoded before it, '
                'and the frames after them are not there: ComputeFlow replaces the '
                'decoder and runs it (its argument `decode`)'
            )
        indices = np.ravel(results['frame_inds'])
        begin = results.get('start_index', 0)
        last = begin + results['total_frames'] - 1
        # The frame that a flow leaves; that of the last frame is the one before.
        leaves = np.maximum(np.minimum(indices, last - 1), begin)
        needed = np.unique([indices, leaves, np.minimum(leaves + 1, last)])
        results, frames = self._decode(results, needed)
        results['frame_inds'] = indices
        flows = self._flows(frames, np.unique(leaves), last)
        results['imgs'] = pick(frames, indices.tolist())
        results['flow'] = pick(flows, leaves.tolist())
        return results

    def _decode(
        self, results: dict[str, Any], needed: np.ndarray
    ) -> tuple[dict[str, Any], dict[int, np.ndarray]]:
        """The frames of a video by their indices."""
        source = next((key for key in DECODERS if key in results), None)
        if source is None:
            raise KeyError(
                f'ComputeFlow: {clip_name(results)} has neither raw frames '
                "(`frame_dir`) nor an open video (`video_reader`): put MMAction2's "
                'DecordInit before SampleFrames'
            )
        results['frame_inds'] = needed
        for transform in self.decoders[source]:
            results = transform(results)
        return results, dict(zip(needed.tolist(), results['imgs']))

    def _flows(
        self, frames: dict[int, np.ndarray], leaves: np.ndarray, last: int
    ) -> dict[int, np.ndarray]:
        """The flow that leaves each frame."""
        grey = {index: to_grey(frame) for index, frame in frames.items()}
        flows = {}
        for index in leaves.tolist():
            if index < last:
                flow = compute_flow(grey[index], grey[index + 1], self.method)
            else:
                flow = np.zeros((*grey[index].shape, 2), np.float32)
            flows[index] = quantise_flow(flow, self.bound)
        return flows

    def __repr__(self) -> str:
        runs = {names_of(own) for own in self.decoders.values()}
        return (
            f'{type(self).__name__}(method={self.method!r}, bound={self.bound}, '
            f'decode={" or ".join(sorted(runs))})'
        )
