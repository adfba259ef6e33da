# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""An optimizer wrapper for each stream, driven by one backward pass."""

from contextlib import AbstractContextManager
from typing import Any, Optional

import torch
import torch.nn as nn
from mmengine.optim import OptimWrapper, OptimWrapperDict


class StreamOptimWrapper(OptimWrapperDict):
    """An optimizer wrapper for each stream, driven by one backward pass.

    The losses of all streams are one sum, and sources of transfers are detached, so one
    backward pass gives each stream its own gradients. Clipping, the step and the
    learning rate are each stream's own. What the one pass shares is the same for all:
    mixed precision with its gradient scaler, and gradient accumulation.

    Args:
        **optim_wrappers (OptimWrapper): A wrapper for each trained stream, all of the
            same type and ``accumulative_counts``.
    """

    def __init__(self, **optim_wrappers: OptimWrapper) -> None:
        super().__init__(**optim_wrappers)
        #: Keeps what the streams share: counts, autocast, scaler.
        self._first: OptimWrapper = next(iter(self.values()))
        # MMEngine's wrappers all log their gradient's norm under one name.
        for name, wrapper in self.items():
            if wrapper.clip_grad_kwargs:
                wrapper.grad_name = f'{name}/{wrapper.grad_name}'
            if self._scaler is not None:
                wrapper.loss_scaler = self._scaler

    @property
    def _scaler(self) -> Optional['torch.amp.GradScaler']:  # which torch 2.3 brought
        """GradScaler or None: The scaler of the backward pass, if it has one."""
        return getattr(self._first, 'loss_scaler', None)

    def optim_context(self, model: nn.Module) -> AbstractContextManager[None]:
        """The context of the forward pass: autocast and delayed synchronisation.

        Args:
            model (nn.Module): The model that is trained.

        Returns:
            context manager: The context.
        """
        return self._first.optim_context(model)

    def update_params(
        self,
        loss: torch.Tensor,
        step_kwargs: Optional[dict] = None,
        zero_kwargs: Optional[dict] = None,
    ) -> None:
        """Run the backward pass and, when it is due, step every stream.

        Args:
            loss (Tensor): The sum of all losses, a scalar.
            step_kwargs (dict, optional): Arguments of each optimizer's ``step``.
            zero_kwargs (dict, optional): Arguments of each ``zero_grad``.
        """
        self._first.backward(self._first.scale_loss(loss))
        if self._first.should_update():
            self.step(**(step_kwargs or {}))
            self.zero_grad(**(zero_kwargs or {}))

    def backward(self, loss: torch.Tensor, **kwargs: Any) -> None:
        """Run the backward pass for all streams.

        Args:
            loss (Tensor): The sum of all losses, a scalar.
            **kwargs: Arguments of :meth:`torch.Tensor.backward`.
        """
        self._first.backward(loss, **kwargs)

    def step(self, **kwargs: Any) -> None:
        """Clip and step each stream that got gradients.

        A stream that is frozen in a phase has none and is not touched, its momentum and
        weight decay neither. The scaler, if there is one, is updated once, after all.

        Args:
            **kwargs: Arguments of each optimizer's ``step``.
        """
        learners = [wrapper for wrapper in self.values() if _has_grad(wrapper)]
        if self._scaler is None:
            for wrapper in learners:
                wrapper.step(**kwargs)
            return
        for wrapper in learners:
            if wrapper.clip_grad_kwargs:
                self._scaler.unscale_(wrapper.optimizer)
                wrapper._clip_grad()
            self._scaler.step(wrapper.optimizer, **kwargs)
        self._scaler.update(self._first._scale_update_param)

    def zero_grad(self, **kwargs: Any) -> None:
        """Drop the gradients of all streams.

        Args:
            **kwargs: Arguments of each ``zero_grad``.
        """
        for wrapper in self.values():
            wrapper.zero_grad(**kwargs)

    def initialize_count_status(
        self, model: nn.Module, init_counts: int, max_counts: int
    ) -> None:
        """Tell the wrapper that counts where the training begins and ends.

        Args:
            model (nn.Module): The model that is trained.
            init_counts (int): Iterations that are done.
            max_counts (int): Iterations of the whole training.
        """
        self._first.initialize_count_status(model, init_counts, max_counts)

    def should_update(self) -> bool:
        """Whether the streams step in this iteration.

        Returns:
            bool: Whether they do.
        """
        return self._first.should_update()

    @property
    def inner_count(self) -> int:
        """int: Backward passes that are done."""
        return self._first.inner_count


def _has_grad(wrapper: OptimWrapper) -> bool:
    """Whether any parameter of a wrapper has a gradient."""
    return any(
        parameter.grad is not None
        for group in wrapper.optimizer.param_groups
        for parameter in group['params']
    )
