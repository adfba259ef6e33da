# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Has a hook of a plain model act on one stream."""

from typing import Any, Optional, Union

from mmengine.hooks import Hook
from mmengine.registry import HOOKS as MMENGINE_HOOKS
from mmengine.runner import Runner

from dynkd.engine.optimizers import StreamOptimWrapper
from dynkd.models.streams import switched_together
from dynkd.registry import HOOKS
from dynkd.utils import distillation_in

#: What a hook can be asked for, all of which take the runner first.
_CALLS = tuple(name for name in vars(Hook) if name.startswith(('before_', 'after_')))


@HOOKS.register_module()
class StreamHook(Hook):
    """Has a hook of a plain model act on one stream.

    Hooks of OpenMMLab's libraries that reach into the model, such as MMDetection's
    ``YOLOXModeSwitchHook``, expect the detector itself at ``runner.model``. Inside this
    hook they find the model of the stream there::

        custom_hooks = [
            dict(type='dynkd.StreamHook', hook=dict(type='YOLOXModeSwitchHook')),
        ]

    Everything else of the runner is the run's own, but for ``runner.optim_wrapper``,
    which is the stream's where each stream has one. Where the hook changes how images
    are mixed (MMPretrain's ``SwitchRecipeHook``), the streams that mixed them likewise
    follow.

    The hooks of MMPretrain, MMDetection, MMAction2 and MMRazor that reach into the
    model are put into this hook by themselves, for the main stream.

    Args:
        hook (dict or Hook): The hook, or its config.
        stream (str, optional): The stream. Defaults to None: the main stream.
    """

    def __init__(self, hook: Union[dict, Hook], stream: Optional[str] = None) -> None:
        priority = None
        if isinstance(hook, dict):
            # As MMEngine's runner does, which takes it out before it builds a hook.
            cfg = dict(hook)
            priority = cfg.pop('priority', None)
            hook = MMENGINE_HOOKS.build(cfg)
        if not isinstance(hook, Hook):
            raise TypeError(
                f'StreamHook: `hook` is not a hook or its config: {hook!r}.'
            )
        self.hook = hook
        self.stream = stream
        self.priority = self.hook.priority if priority is None else priority

    def before_run(self, runner: Runner) -> None:
        """Reject a stream that does not exist, and pass the call on.

        Args:
            runner (Runner): The runner.
        """
        model = distillation_in(runner.model)
        model.stream(self.stream or model.main_stream)
        self.hook.before_run(_StreamRunner(runner, self.stream))


def _passing(name: str) -> Any:
    """A call that is passed on to the hook, with the stream's model."""

    def call(self: StreamHook, runner: Runner, *args: Any, **kwargs: Any) -> Any:
        own = _StreamRunner(runner, self.stream)
        model = distillation_in(runner.model)
        if not hasattr(model, 'all_streams'):
            return getattr(self.hook, name)(own, *args, **kwargs)
        with switched_together(self.stream or model.main_stream, model.all_streams):
            return getattr(self.hook, name)(own, *args, **kwargs)

    call.__name__ = name
    call.__doc__ = f'Pass ``{name}`` on to the hook.'
    return call


for _call in _CALLS:
    if _call not in vars(StreamHook):
        setattr(StreamHook, _call, _passing(_call))


class _StreamRunner:
    """A runner whose model is that of a stream.

    Args:
        runner (Runner): The runner.
        stream (str, optional): The stream.
    """

    def __init__(self, runner: Runner, stream: Optional[str]) -> None:
        object.__setattr__(self, '_runner', runner)
        object.__setattr__(self, '_stream', stream)

    @property
    def model(self) -> Any:
        """nn.Module: The model of the stream."""
        model = distillation_in(self._runner.model)
        return model.stream(self._stream or model.main_stream).model

    @model.setter
    def model(self, model: Any) -> None:
        self._runner.model = model

    @property
    def optim_wrapper(self) -> Any:
        """OptimWrapper: That of the stream, where each stream has its own."""
        wrapper = self._runner.optim_wrapper
        if not isinstance(wrapper, StreamOptimWrapper):
            return wrapper
        name = self._stream or distillation_in(self._runner.model).main_stream
        return wrapper[name]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runner, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._runner, name, value)
