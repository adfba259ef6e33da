# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Whether the target of a transfer has a gradient, and the loss one by it."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Optional

import torch
from mmengine.logging import print_log
from torch import Tensor, nn

from dynkd.models.streams import Stream
from dynkd.models.taps import Tap

from .transfer import Transfer

#: What OpenMMLab's, timm's and Hugging Face's modules call it that activations are
#: computed again in the backward pass.
_CHECKPOINTED = (
    'with_cp',
    'use_checkpoint',
    'grad_checkpointing',
    'gradient_checkpointing',
)


def check_graph(
    transfer: Transfer, outputs: Mapping[Tap, Any], streams: Mapping[str, Stream]
) -> None:
    """Reject a transfer whose target has no gradient in a training step.

    Such a loss is logged, and nobody learns from it. A warning tells of a target that
    has none beside others that have.

    Args:
        transfer (Transfer): The transfer.
        outputs (dict[Tap, Any]): What the taps yielded in the step.
        streams (dict[str, Stream]): The streams by name.

    Raises:
        ValueError: If no target has a gradient, or no source where sources learn; the
            message names the cause.
    """
    sides = [transfer.targets]
    if not transfer.detach_source:
        sides.append(transfer.sources)
    for taps in sides:
        without = [tap for tap in taps if not _requires_grad(outputs[tap])]
        if not without:
            continue
        tap = without[0]
        cause = _cause(tap, streams[tap.stream].model)
        text = f'transfer `{transfer.name}`: `{tap}` gets no gradient. {cause}'
        if len(without) == len(taps):
            raise ValueError(text)
        print_log(
            f'{text} The others of its taps have one.',
            logger='current',
            level=logging.WARNING,
        )


class TargetLeaves:
    """What the targets of a transfer yielded, cut off and with a gradient of its own.

    Args:
        transfer (Transfer): The transfer.
        yielded (dict[Tap, Any]): What its taps yielded.
    """

    def __init__(self, transfer: Transfer, yielded: Mapping[Tap, Any]) -> None:
        self.transfer = transfer
        self._leaves: list[Tensor] = []
        #: What all taps yielded, the targets as copies.
        self.outputs = dict(yielded)
        for tap in transfer.targets:
            self.outputs[tap] = self._cut(yielded[tap])

    def _cut(self, value: Any) -> Any:
        """A copy of a tensor, or of nested lists of them."""
        if isinstance(value, (list, tuple)):
            cut = [self._cut(item) for item in value]
            return tuple(cut) if isinstance(value, tuple) else cut
        if not isinstance(value, Tensor) or not value.is_floating_point():
            return value
        self._leaves.append(value.detach().requires_grad_())
        # A module that works in place may not write into a leaf.
        return self._leaves[-1].clone()

    def check(self, loss: Any) -> None:
        """Reject a loss that does not depend on the target.

        Args:
            loss (Tensor): The loss of the transfer on :attr:`outputs`.

        Raises:
            ValueError: If it does not.
        """
        if not isinstance(loss, Tensor) or not self._leaves:
            return
        grads: Sequence[Optional[Tensor]] = ()
        if loss.requires_grad:
            grads = torch.autograd.grad(loss.sum(), self._leaves, allow_unused=True)
        if all(grad is None for grad in grads):
            raise ValueError(
                f'{type(self.transfer.loss).__name__} has no gradient by its target: '
                'the loss, or a connector before it, detaches what should learn. A '
                'loss is called as `loss(target, source)`'
            )


def _tensors(value: Any) -> Iterator[Tensor]:
    """The tensors of nested lists."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _tensors(item)


def _requires_grad(value: Any) -> bool:
    """Whether any tensor of what a tap yielded is on a graph."""
    return any(tensor.requires_grad for tensor in _tensors(value))


def _cause(tap: Tap, model: nn.Module) -> str:
    """Why a tap of a stream that learns has no gradient, and what would help."""
    own = list(tap.find(model).parameters())
    if own and not any(weight.requires_grad for weight in own):
        return (
            f'The weights of `{tap.module}` are frozen, and so is what comes before '
            'it (`frozen_stages`, for example). Tap a later module, or train it.'
        )
    parts = tap.module.split('.')
    for count in range(len(parts) - 1, 0, -1):
        name = '.'.join(parts[:count])
        setting = recomputation(model.get_submodule(name))
        if setting:
            return (
                f'It lies inside `{name}`, whose activations are computed again in the '
                f'backward pass (`{setting}`): what is tapped there belongs to no '
                f'graph. Tap `{tap.stream}.{name}` itself, or a module outside of it, '
                f'or train without `{setting.partition("=")[0]}`.'
            )
    return (
        'It is computed without a graph (`torch.no_grad()`, `detach()`), or only by '
        'weights that are frozen. Tap a later module.'
    )


def recomputation(module: nn.Module) -> Optional[str]:
    """The setting by which a module computes its activations again in the backward
    pass, if it does.

    Args:
        module (nn.Module): A module of a model.

    Returns:
        str, optional: The setting, for a message: ``'with_cp=True'``; None without.
    """
    for name in _CHECKPOINTED:
        if getattr(module, name, False) is True:
            return f'{name}=True'
    # MMEngine wraps the method of the instance.
    if hasattr(vars(module).get('forward'), '__wrapped__'):
        return 'activation_checkpointing'
    return None
