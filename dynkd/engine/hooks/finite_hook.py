# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Notices losses, gradients and weights that are not finite numbers."""

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Optional

import torch
from mmengine.dist import get_rank, get_world_size
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.runner import Runner
from torch import Tensor

from dynkd.registry import HOOKS
from dynkd.utils import NonFiniteError, not_finite, unwrap

#: What can be done about an iteration whose numbers are not finite.
ACTIONS = ('stop', 'skip', 'continue')
#: Where the message hub, and with it a checkpoint, counts such iterations.
_COUNT = 'non_finite_iterations'
_HELP = (
    'A lower learning rate, a warm-up or `clip_grad` helps; '
    "`dict(type='dynkd.FiniteHook', action='skip')` leaves out single such steps."
)


@HOOKS.register_module()
class FiniteHook(Hook):
    """Notices losses, gradients and weights that are not finite numbers.

    The losses and the norm of each stream's gradients are looked at in every
    iteration. Those that are not finite are named, with their streams and transfers,
    the iteration and the learning rates. Weights are looked at after each epoch and
    before each checkpoint: none is saved that is not finite, whatever the action.

    It makes no accelerator wait: norms are computed on it, and read after MMEngine has
    read the losses, which it does in every iteration. Only ``'skip'`` must know before
    the optimizer's step, and waits for the backward pass, as a gradient scaler does.

    With a gradient scaler (``AmpOptimWrapper``) gradients are left to the scaler, which
    leaves out their step itself; losses, which it does not scale, are looked at.

    The gradients of several processes are the same, so all of them decide the same.

    Args:
        action (str): ``'stop'`` ends the run with
            :class:`~dynkd.utils.NonFiniteError`. ``'skip'`` leaves out the steps of the
            streams whose gradients are not finite: weights, the optimizer's state and
            buffers stay as they were before the iteration. ``'continue'`` goes on, to
            look at what comes; nothing that is not finite is saved or exported.
            Defaults to 'stop'.
        max_skips (int): How many iterations ``'skip'`` permits in a run, before it
            stops as well. Where gradients are accumulated over iterations, it is their
            one step that is left out and counted. Defaults to 10.

    Raises:
        ValueError: If there is no such action, or ``max_skips`` is negative.
    """

    # After MMEngine has read the losses, before anything is logged or saved.
    priority = 'VERY_HIGH'

    def __init__(self, action: str = 'stop', max_skips: int = 10) -> None:
        if action not in ACTIONS:
            raise ValueError(
                f'FiniteHook: action={action!r} is not one of {", ".join(ACTIONS)}.'
            )
        if max_skips < 0:
            raise ValueError(f'FiniteHook: max_skips={max_skips} must not be negative.')
        self.action = action
        self.max_skips = max_skips
        self._handles: list[Any] = []
        self._norms: dict[str, Tensor] = {}
        self._buffers: list[tuple[Tensor, Tensor]] = []
        self._told = False
        self._left_out = False

    def before_train(self, runner: Runner) -> None:
        """Watch the optimizers' steps.

        Args:
            runner (Runner): The runner.
        """
        self._unwatch()
        for name, wrapper in _wrappers(runner):
            optimizer = wrapper.optimizer
            watched = isinstance(optimizer, torch.optim.Optimizer)
            if watched and not hasattr(wrapper, 'loss_scaler'):
                hook = partial(self._before_step, name)
                self._handles.append(optimizer.register_step_pre_hook(hook))

    def after_train(self, runner: Runner) -> None:
        """Stop watching.

        Args:
            runner (Runner): The runner.
        """
        self._unwatch()

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None
    ) -> None:
        """Remember the buffers, for an iteration that may be left out.

        Args:
            runner (Runner): The runner.
            batch_idx (int): Index of the batch in the epoch.
            data_batch (dict, optional): The batch.
        """
        if self.action == 'skip':
            own = all_buffers(unwrap(runner.model))
            self._buffers = [(buffer, buffer.clone()) for buffer in own]

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Optional[dict] = None,
    ) -> None:
        """Look at the losses and gradients of the iteration.

        Args:
            runner (Runner): The runner.
            batch_idx (int): Index of the batch in the epoch.
            data_batch (dict, optional): The batch.
            outputs (dict, optional): The losses.

        Raises:
            NonFiniteError: If one is not finite, and the run is to stop.
        """
        norms, self._norms = self._norms, {}
        left_out, self._left_out = self._left_out, False
        losses = outputs if isinstance(outputs, Mapping) else {}
        losses = {key: value for key, value in losses.items() if 'loss' in key}
        values = _read([*losses.values(), *norms.values()])
        if all(map(math.isfinite, values)):
            return
        model = unwrap(runner.model)
        names = [_name(model, key) for key in losses]
        names += [f'gradient of {_owner(name)}' for name in norms]
        bad = [(n, v) for n, v in zip(names, values) if not math.isfinite(v)]
        elsewhere = all(map(math.isfinite, values[: len(losses)]))
        if self.action == 'skip' and self._accumulates(runner):
            if not elsewhere:
                self._restore()
            if not left_out:
                return  # the step that is due later is left out, and says so
        else:
            self._restore()
        self._act(runner, _what(runner, bad, elsewhere and get_world_size() > 1))

    def after_train_epoch(self, runner: Runner) -> None:
        """Look at the weights, before they are validated or saved.

        Args:
            runner (Runner): The runner.

        Raises:
            NonFiniteError: If they are not finite, and the run is to stop.
        """
        if self.action != 'continue':
            _check(unwrap(runner.model).state_dict(), f'epoch {runner.epoch + 1}')

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Look at the weights, before the file is written.

        Args:
            runner (Runner): The runner.
            checkpoint (dict): The checkpoint.

        Raises:
            NonFiniteError: If they are not finite.
        """
        _check(checkpoint['state_dict'], f'iteration {runner.iter}')

    def _before_step(
        self, name: str, optimizer: torch.optim.Optimizer, *args: Any
    ) -> None:
        """Compute the norm of a stream's gradients; leave out its step if need be."""
        grads = [p.grad for p in _parameters(optimizer) if p.grad is not None]
        if not grads:
            return
        norm = _norm(grads)
        # A training step may step several times.
        known = self._norms.get(name)
        self._norms[name] = norm if known is None else torch.maximum(known, norm)
        if self.action == 'skip' and not math.isfinite(float(norm)):
            self._left_out = True
            # Optimizers leave alone what has no gradient.
            for parameter in _parameters(optimizer):
                parameter.grad = None

    def _act(self, runner: Runner, what: str) -> None:
        """Do what is to be done about an iteration."""
        if self.action == 'stop':
            _stop(f'{what} {_HELP}')
        if self.action == 'continue':
            if not self._told:
                print_log(
                    f'{what} The run goes on, and this is said once.',
                    logger='current',
                    level=logging.WARNING,
                )
            self._told = True
            return
        hub = runner.message_hub
        count = 1 + (hub.get_info(_COUNT) if _COUNT in hub.runtime_info else 0)
        hub.update_info(_COUNT, count)
        if count > self.max_skips:
            _stop(
                f'{what} These are more than the {self.max_skips} iterations that '
                '`max_skips` of FiniteHook permits.'
            )
        print_log(
            f'{what} Its step is left out ({count} of at most {self.max_skips}).',
            logger='current',
            level=logging.WARNING,
        )

    def _accumulates(self, runner: Runner) -> bool:
        """Whether a step has the gradients of several iterations, and is watched."""
        counts = [own._accumulative_counts for _, own in _wrappers(runner)]
        return bool(self._handles) and max(counts, default=1) > 1

    def _restore(self) -> None:
        """Undo what the iteration did to buffers."""
        for buffer, before in self._buffers:
            buffer.copy_(before)

    def _unwatch(self) -> None:
        """Take the hooks of the optimizers away."""
        for handle in self._handles:
            handle.remove()
        self._handles = []


def _stop(text: str) -> None:
    """End the run, on each process with its own words."""
    if get_rank() > 0:
        # Only the first process says what ends it.
        print_log(text, logger='current', level=logging.ERROR)
    raise NonFiniteError(text)


def _check(weights: Mapping[str, Any], when: str) -> None:
    """Reject weights that are not finite."""
    name = not_finite(weights)
    if name is not None:
        _stop(
            f'after {when}, `{name}` is not finite. The run has stopped before it was '
            f'saved; earlier checkpoints are as they were. {_HELP}'
        )


def _wrappers(runner: Runner) -> Iterator[tuple[str, OptimWrapper]]:
    """The optimizer wrappers of a run, and the streams that they train."""
    wrapper = runner.optim_wrapper
    if isinstance(wrapper, OptimWrapperDict):
        yield from wrapper.items()
        return
    streams = list(getattr(unwrap(runner.model), 'streams', ()))
    yield streams[0] if len(streams) == 1 else '', wrapper


def _parameters(optimizer: torch.optim.Optimizer) -> Iterator[Tensor]:
    """The parameters of an optimizer."""
    return (p for group in optimizer.param_groups for p in group['params'])


def all_buffers(model: Any) -> list[Tensor]:
    """The buffers that a step may change, of frozen streams too.

    Args:
        model (nn.Module): A distillation, or a plain model.

    Returns:
        list[Tensor]: The buffers.
    """
    streams = getattr(model, 'all_streams', {}).values()
    modules = [model, *(stream.model for stream in streams)]
    # By identity: the trained streams are part of the model.
    return list({id(b): b for m in modules for b in m.buffers()}.values())


def _norm(grads: Sequence[Tensor]) -> Tensor:
    """The norm of gradients, not finite if one of them is not."""
    # In half precision it would overflow too early.
    halves = (torch.float16, torch.bfloat16)
    dense = [grad.coalesce().values() if grad.is_sparse else grad for grad in grads]
    exact = [grad.float() if grad.dtype in halves else grad for grad in dense]
    norms = [norm.float() for norm in torch._foreach_norm(exact)]
    return torch.stack([norm.to(norms[0].device) for norm in norms]).norm()


def _read(values: Sequence[Any]) -> list[float]:
    """Read scalars, at once where they are on one device."""
    scalars = [torch.as_tensor(value).detach().reshape(()).float() for value in values]
    if len({scalar.device for scalar in scalars}) != 1:
        return [float(scalar) for scalar in scalars]
    return torch.stack(scalars).tolist()


def _name(model: Any, key: str) -> str:
    """What a loss is called in messages."""
    if key in getattr(model, 'transfers', ()):
        return f'transfer `{key}`'
    stream, _, loss = key.partition('/')
    if loss and stream in getattr(model, 'all_streams', ()):
        return f'`{loss}` of stream `{stream}`'
    return 'the total loss' if key == 'loss' else f'`{key}`'


def _owner(stream: str) -> str:
    """Whose gradient it is."""
    return f'stream `{stream}`' if stream else 'the model'


def _what(runner: Runner, bad: Sequence[tuple[str, float]], elsewhere: bool) -> str:
    """Say which numbers are not finite, when, and at which learning rates."""
    # The total follows from its parts.
    parts = [item for item in bad if item[0] != 'the total loss'] or bad
    told = ', '.join(f'{name} ({value})' for name, value in parts)
    rates = {
        key.rpartition('.')[0] or 'all': max(values, default=0.0)
        for key, values in runner.optim_wrapper.get_lr().items()
    }
    lrs = ', '.join(f'{rate:g} ({name})' for name, rate in rates.items())
    where = ' The losses are finite here, so those of another process are not.'
    return (
        f'iteration {runner.iter + 1} (epoch {runner.epoch + 1}): not finite: {told}; '
        f'learning rate {lrs}.{where if elsewhere else ""}'
    )
