# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Loading optical flow that was extracted beforehand."""

import os.path as osp
from typing import Any, Optional

import cv2
import mmcv
import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.fileio import get_file_backend

from dynkd.registry import TRANSFORMS

from .flow_files import FlowFiles
from .modalities import clip_name, flow_number, pick


@TRANSFORMS.register_module()
class LoadFlow(BaseTransform):
    """Load the flow of the frames that a clip has.

    The flow is that of ``tools/dataset_converters/extract_flow.py`` and of MMAction2's
    raw frames: two grey JPEGs for each frame, of u and of v, with [-20, 20] pixels
    mapped to [0, 255]. Flow i leads from frame i to frame i + 1. It may be one fewer
    than the frames: then the last frame repeats the flow of the one before it (ours).
    A frame that a clip has several times, as those of short videos that are looped,
    is read once.

    If the frames were decoded before, the flow is resized to their size, which must
    have the same aspect ratio up to a pixel: the frames may come from a video, and the
    flow from a smaller copy of it. The values do not change: a flow counts pixels at
    the size at which it was extracted; :class:`PairedTransforms` explains why.

    **Required keys:** ``frame_inds``, ``total_frames``, ``start_index``; ``frame_dir``
    or ``filename``; ``offset``, ``imgs`` (optional)

    **Added keys:** ``flow``, a list of images of shape (H, W, 2), uint8; ``img_shape``
    and ``original_shape`` where no frames were decoded

    Args:
        flow_root (str, optional): Folder under which the flow is, in a folder for each
            video: ``flow_root/a/b/flow_x_00001.jpg`` for ``data_root/a/b.mp4`` or the
            frames in ``data_root/a/b``. Defaults to None: beside the raw frames, in
            their folder.
        data_root (str): Folder to which the names of the videos are relative: the data
            set's ``data_root`` and ``data_prefix`` together. Defaults to ``''``.
        filename_tmpl (str): Template of file names, formatted with ``'x'`` or ``'y'``
            and the number. Defaults to ``'flow_{}_{:05}.jpg'``.
        backend_args (dict, optional): MMEngine's file backend. Defaults to None: the
            one that fits ``flow_root`` or the folder.

    Raises:
        ValueError: If ``filename_tmpl`` does not name two files per number; when frames
            and flow differ in length or aspect ratio.
        FileNotFoundError: When files are missing: how many, the first few, and how to
            extract them.
    """

    def __init__(
        self,
        flow_root: Optional[str] = None,
        data_root: str = '',
        filename_tmpl: str = 'flow_{}_{:05}.jpg',
        backend_args: Optional[dict[str, Any]] = None,
    ) -> None:
        self.flow_root = flow_root
        self.data_root = data_root
        self.files = FlowFiles(filename_tmpl, backend_args)
        self.backend_args = backend_args

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Load the flow of a clip.

        Args:
            results (dict): With the frames' indices, and where they come from.

        Returns:
            dict: The same with ``flow``, as many images as ``frame_inds`` has indices.

        Raises:
            ValueError: If frames and flow do not fit each other.
            FileNotFoundError: If files are missing.
        """
        folder = self._folder(results)
        begin = results.get('start_index', 0)
        first = flow_number(results, begin)
        total = results['total_frames']
        whole = 'offset' not in results
        last = self.files.check(folder, first, total, whole, clip_name(results))
        indices = np.ravel(results['frame_inds'])
        numbers = [min(flow_number(results, index), last) for index in indices]
        backend = get_file_backend(
            folder, backend_args=self.backend_args, enable_singleton=True
        )
        images = {n: self._read(folder, n, backend) for n in dict.fromkeys(numbers)}
        images = self._fit(images, results, folder)
        results['flow'] = pick(images, numbers)
        if 'imgs' not in results:
            shape = results['flow'][0].shape[:2]
            results['img_shape'] = results['original_shape'] = shape
        return results

    def _folder(self, results: dict[str, Any]) -> str:
        """Where the flow of a clip is."""
        if 'frame_dir' in results:
            name = results['frame_dir']
        else:
            name = osp.splitext(results['filename'])[0]
        if self.flow_root is not None:
            name = osp.join(self.flow_root, osp.relpath(name, self.data_root or '.'))
        elif 'frame_dir' not in results:
            raise ValueError(
                f'LoadFlow: {clip_name(results)} is not a folder of raw frames: '
                'flow_root must say where its flow is'
            )
        return name

    def _read(self, folder: str, number: int, backend: Any) -> np.ndarray:
        """Both parts of a flow, of shape (H, W, 2)."""
        parts = []
        for name in self.files.names(number):
            path = osp.join(folder, name)
            content = backend.get(path)
            part = mmcv.imfrombytes(content, 'grayscale', backend='cv2')
            if part is None:
                raise ValueError(f'LoadFlow: {path} is not an image, or a broken one')
            parts.append(part)
        if parts[0].shape != parts[1].shape:
            raise ValueError(
                f'LoadFlow: the parts of a flow must have the same size, got '
                f'{parts[0].shape} and {parts[1].shape} from '
                f'{self.files.names(number)} in {folder}'
            )
        return cv2.merge(parts)

    def _fit(
        self, images: dict[int, np.ndarray], results: dict[str, Any], folder: str
    ) -> dict[int, np.ndarray]:
        """The flow in the size of the frames, where there are any."""
        if 'imgs' not in results:
            return images
        height, width = results['imgs'][0].shape[:2]
        for own in {image.shape[:2] for image in images.values()}:
            # A pixel of rounding, in either direction of the smaller image.
            if abs(own[1] * height - own[0] * width) > max(height, width, *own):
                raise ValueError(
                    f'LoadFlow: flow of {own[1]}x{own[0]} in {folder} does not fit '
                    f'frames of {width}x{height} of {clip_name(results)}: the aspect '
                    'ratios differ; decode the frames that the flow was extracted from'
                )
        return {
            number: image
            if image.shape[:2] == (height, width)
            else mmcv.imresize(image, (width, height), backend='cv2')
            for number, image in images.items()
        }

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(flow_root={self.flow_root!r}, '
            f'data_root={self.data_root!r}, '
            f'filename_tmpl={self.files.template!r})'
        )
