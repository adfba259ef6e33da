# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Measures whether transfers pull where the task of their learner pulls."""

import logging
import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Optional

import torch
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapperDict
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from dynkd.models.algorithms import Distillation
from dynkd.models.algorithms.losses import logged_name, total_loss
from dynkd.models.transfers import recomputation
from dynkd.registry import HOOKS
from dynkd.utils import unwrap, without_autocast
from dynkd.utils.kinds import Count

Gradients = Sequence[Optional[Tensor]]


@HOOKS.register_module()
class GradientCosineHook(Hook):
    r"""Measures whether transfers pull where the task of their learner pulls.

    Every ``interval`` iterations it logs, for each transfer, the cosine of two
    gradients, under the transfer's name without the word ``loss``: ``kld/cos`` beside
    ``kld/share``. As in `Adapting Auxiliary Losses Using Gradient Similarity
    <https://arxiv.org/abs/1812.02224>`_:

    .. math::
        \cos = \frac{\langle g_t, g_l \rangle}{\lVert g_t \rVert \lVert g_l \rVert},
        \quad g_t = \frac{\partial L_{transfer}}{\partial \theta},
        \quad g_l = \frac{\partial L_{task}}{\partial \theta}

    :math:`L_{task}` is what the learner's own losses add up to, of its task and of its
    branches, and :math:`\theta` are the learner's weights that both losses reach: a
    transfer of features does not reach the classifier. 1: both ask for the same change
    of the weights. 0: they have nothing to do with each other. Below 0: what the
    transfer wants makes the task worse. Nothing is logged of a transfer whose gradient
    is zero, as its weight may be at first.

    It goes backward through the graph that the step has built, before the step itself
    does: once for each learner's task and once for each transfer. No batch runs twice,
    no random number is drawn, no ``.grad`` is written; the training is that without the
    hook, to the last bit. Until the step ends the graph stays in memory, and two sets
    of gradients.

    Of several processes each measures its own part of the batch, and the log has what
    the first one measured. All of them measure, as synchronised normalisation layers
    wait for each other in the backward pass.

    Args:
        interval (int): Iterations from one measurement to the next. The log has the
            last one. Defaults to 50.
    """

    def __init__(self, interval: Count = 50) -> None:
        self.interval = interval
        self._handle: Any = None

    def before_train(self, runner: Runner) -> None:
        """Reject what cannot be measured.

        Args:
            runner (Runner): The runner.

        Raises:
            ValueError: If the model is not a distillation, no transfer's learner has a
                task, or the graph of a step cannot be passed twice.
        """
        model = unwrap(runner.model)
        if not isinstance(model, Distillation):
            raise ValueError(
                f'GradientCosineHook: {type(model).__name__} is not a distillation, '
                'so it has no transfers whose gradients could be measured.'
            )
        _check_graph(runner)
        learners = _learners(model)
        alone = [n for n, s in learners.items() if not model.stream(s).has_task]
        if len(alone) == len(learners):
            raise ValueError(
                'GradientCosineHook: there is no transfer to a stream that learns a '
                'task too, so no gradients can be compared.'
            )
        if alone:
            print_log(
                'GradientCosineHook leaves out transfers to streams without a task of '
                f'their own: {", ".join(alone)}.',
                logger='current',
                level=logging.WARNING,
            )

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Optional[Any] = None
    ) -> None:
        """Wait for the losses of an iteration that is due.

        Args:
            runner (Runner): The runner.
            batch_idx (int): Index of the batch.
            data_batch (dict, optional): The batch.
        """
        if not self.every_n_train_iters(runner, self.interval):
            return
        wrapper = runner.optim_wrapper
        if isinstance(wrapper, OptimWrapperDict):
            # One backward pass, with one scaler, serves them all.
            wrapper = next(iter(wrapper.values()))
        measure = partial(_measure, scaler=getattr(wrapper, 'loss_scaler', None))
        self._handle = unwrap(runner.model).register_forward_hook(measure)

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Optional[Any] = None,
        outputs: Optional[dict] = None,
    ) -> None:
        """Leave the model as it was.

        Args:
            runner (Runner): The runner.
            batch_idx (int): Index of the batch.
            data_batch (dict, optional): The batch.
            outputs (dict, optional): The losses.
        """
        if self._handle is not None:
            self._handle.remove()
            self._handle = None


def _check_graph(runner: Runner) -> None:
    """Reject what does not allow to go backward several times."""
    fault = None
    wrapped = is_model_wrapper(runner.model)
    if wrapped and not isinstance(runner.model, DistributedDataParallel):
        fault = (
            f'{type(runner.model).__name__} splits weights or the backward pass. '
            'Train with MMDistributedDataParallel'
        )
    elif runner.cfg.get('compile'):
        fault = 'compiled steps free their graph. Train without `compile`'
    model = unwrap(runner.model)
    for stream in dict.fromkeys(_learners(model).values()):
        for name, module in model.stream(stream).model.named_modules():
            setting = recomputation(module)
            if setting is not None:
                where = '.'.join(filter(None, (stream, name)))
                fault = fault or (
                    f'`{where}` computes its activations again in the backward pass '
                    f'(`{setting}`). Train without it'
                )
    if fault is not None:
        raise ValueError(f'GradientCosineHook: {fault}, or without this hook.')


def _learners(model: Any) -> dict[str, str]:
    """The streams that learn from transfers, by the name of the transfer."""
    return {name: transfer.learner for name, transfer in model.transfers.items()}


def _measure(
    model: Distillation, args: tuple, losses: dict[str, Any], scaler: Any
) -> dict[str, Any]:
    """Add the cosines to the losses of a step."""
    found: dict[str, Tensor] = {}
    learners = _learners(model)
    for stream in dict.fromkeys(learners.values()):
        task = _task(losses, stream)
        names = [n for n, own in learners.items() if own == stream and n in losses]
        if task is None or not names:
            continue
        every = model.stream(stream).model.parameters()
        weights = [weight for weight in every if weight.requires_grad]
        with without_autocast(task.device.type):
            towards = _gradients(task, weights, scaler)
            for name in names:
                own = _gradients(losses[name], weights, scaler)
                value = cosine(own, towards)
                if value is not None:
                    found[logged_name(name, 'cos')] = value
    return {**losses, **found}


def _task(losses: Mapping[str, Any], stream: str) -> Optional[Tensor]:
    """What a stream's own losses add up to, on the graph; None if it learns nothing."""
    prefix = f'{stream}/'
    own = {k[len(prefix) :]: v for k, v in losses.items() if k.startswith(prefix)}
    own = {key: value for key, value in own.items() if 'loss' in key}
    total = total_loss(own)[0] if own else None
    return total if isinstance(total, Tensor) and total.requires_grad else None


def _gradients(loss: Tensor, weights: Sequence[nn.Parameter], scaler: Any) -> Gradients:
    """The gradients of a loss; None of weights that it does not reach."""
    if not loss.requires_grad:
        return [None] * len(weights)
    if scaler is not None:
        # Else small gradients vanish in half precision; a cosine knows no factors.
        loss = scaler.scale(loss)
    return torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True)


def cosine(one: Gradients, other: Gradients) -> Optional[Tensor]:
    """The cosine of two gradients, of the weights that have both.

    Args:
        one (sequence of Tensor or None): A gradient of each weight, or None.
        other (sequence of Tensor or None): Another one of each.

    Returns:
        Tensor, optional: A scalar; None where one of them is zero or not finite.
    """
    both = [(a, b) for a, b in zip(one, other) if a is not None and b is not None]
    if not both:
        return None
    pairs = [(_flat(a), _flat(b)) for a, b in both]
    # Each dot product beside the squares of both norms.
    terms = [torch.stack([a.dot(b), a.dot(a), b.dot(b)]) for a, b in pairs]
    product, first, second = torch.stack(terms).sum(0)
    value = product / (first.sqrt() * second.sqrt())
    return value if math.isfinite(value) else None


def _flat(gradient: Tensor) -> Tensor:
    """A gradient as a vector of single precision."""
    dense = gradient.to_dense() if gradient.is_sparse else gradient
    return dense.flatten().float()
