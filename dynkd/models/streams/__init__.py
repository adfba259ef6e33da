# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Streams: the models that take part in training."""

from .batch_augments import (
    MIXERS,
    check_augments,
    check_stored,
    switched_together,
)
from .batches import Batches, RawBatches, copy_batch
from .checkpoint import (
    BRANCHES,
    check_streams_in,
    load_plain_weights,
    load_stream_checkpoint,
)
from .classes import class_count, mix_labels_alike
from .config import StreamConfig, order_streams, read_config, stream_fields
from .export import export_stream, stream_config, stream_weights
from .inputs import check_branches_of_data, warn_of_unread
from .names import missing_stream
from .pretrained import is_pretrained, pretrained_files
from .proposals import SharedProposals, in_roi_head, masks_with_boxes, stage_of
from .single_values import single_value_norm
from .stream import DRY_BATCH, Stream, find_stream, share_proposals
from .transformer import is_detr_like

__all__ = [
    'BRANCHES',
    'Batches',
    'DRY_BATCH',
    'MIXERS',
    'RawBatches',
    'SharedProposals',
    'Stream',
    'StreamConfig',
    'check_augments',
    'check_branches_of_data',
    'check_stored',
    'check_streams_in',
    'class_count',
    'copy_batch',
    'export_stream',
    'find_stream',
    'is_detr_like',
    'in_roi_head',
    'is_pretrained',
    'load_plain_weights',
    'load_stream_checkpoint',
    'masks_with_boxes',
    'missing_stream',
    'mix_labels_alike',
    'order_streams',
    'pretrained_files',
    'read_config',
    'share_proposals',
    'single_value_norm',
    'stage_of',
    'stream_config',
    'stream_fields',
    'stream_weights',
    'switched_together',
    'warn_of_unread',
]
