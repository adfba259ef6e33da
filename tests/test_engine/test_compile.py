# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""MMEngine's ``compile`` trains the methods, with the losses of eager steps."""

from typing import Any, Callable

import pytest
import torch
from mmengine.hooks import Hook
from torch._dynamo.utils import counters

from dynkd.engine.hooks import run_checks

SLOW = pytest.mark.slow


class Losses(Hook):
    """Keeps what each iteration logs, and the graphs and breaks that there are then."""

    def __init__(self) -> None:
        self.logged: list[dict[str, float]] = []
        self.graphs: list[int] = []
        self.breaks = 0

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        self.logged.append({key: float(value) for key, value in outputs.items()})
        self.graphs.append(counters['stats']['unique_graphs'])
        self.breaks = sum(counters['graph_break'].values())


def tiny(depth: int = 8) -> dict[str, Any]:
    """A classifier that compiles in seconds."""
    return dict(
        type='mmpretrain.ImageClassifier',
        backbone=dict(
            type='dynkd.ResNet6nPlus2', depth=depth, stem_channels=2, base_channels=2
        ),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(
            type='LinearClsHead',
            num_classes=5,
            in_channels=8,
            loss=dict(type='CrossEntropyLoss'),
        ),
        data_preprocessor=dict(mean=[50.0] * 3, std=[50.0] * 3, num_classes=5),
    )


def _pair(frozen: bool = False) -> dict[str, dict]:
    return dict(teacher=dict(model=tiny(), frozen=frozen), student=dict(model=tiny()))


def dkd(kld: Callable[..., dict]) -> dict[str, Any]:
    emd = dict(type='EMDLoss', layout='spatial', loss_weight=0.01)
    transfers = dict(
        loss_student=kld('teacher', 'student'),
        loss_teacher=kld('student', 'teacher'),
        loss_emd=dict(
            source='teacher.backbone[0]', target='student.backbone[0]', loss=emd
        ),
    )
    return dict(streams=_pair(), transfers=transfers)


def phases(kld: Callable[..., dict]) -> dict[str, Any]:
    """Taps of modules that were compiled without them."""
    feature = dict(
        source='teacher.backbone.layer2',
        target='student.backbone.layer2',
        loss=dict(type='FeatureLoss'),
    )
    return dict(
        streams=_pair(),
        transfers=dict(loss_student=kld('teacher', 'student'), loss_feature=feature),
        phases=[
            dict(name='static', transfers=['loss_student'], frozen=['teacher']),
            dict(name='dynamic', begin=2),
        ],
    )


def ekd(kld: Callable[..., dict]) -> dict[str, Any]:
    streams = _pair()
    for stream in streams.values():
        stream['branches'] = dict(module=dict(type='GuidedModule', out_channels=8))
    return dict(
        streams=streams, transfers=dict(loss_ekd=dict(type='EvolutionaryTransfers'))
    )


def dtskd(kld: Callable[..., dict]) -> dict[str, Any]:
    branches = dict(module=dict(type='MixedFusionModule'), loss_weight=0.0)
    student = dict(model=tiny(), loss_weight=0.0, branches=branches)
    return dict(
        streams=dict(student=student),
        stores=dict(history=dict(format='float32')),
        transfers=dict(loss_dtskd=dict(type='DualTeacherTransfers')),
    )


def dpk(kld: Callable[..., dict]) -> dict[str, Any]:
    connector = dict(
        type='PriorKnowledge',
        student_channels=8,
        teacher_channels=8,
        grid_size=8,
        embed_dims=16,
        encoder_depth=1,
        decoder_depth=1,
        num_heads=2,
    )
    transfer = dict(
        source='teacher.backbone[0]',
        target='student.backbone[0]',
        connector=connector,
        loss=dict(type='FeatureLoss'),
    )
    return dict(streams=_pair(frozen=True), transfers=dict(loss_dpk=transfer))


def mgd(kld: Callable[..., dict]) -> dict[str, Any]:
    """A loss that draws, as DPK's masks are drawn."""
    transfer = dict(
        source='teacher.backbone[0]',
        target='student.backbone[0]',
        loss=dict(type='MGDLoss', channels=8),
    )
    return dict(streams=_pair(frozen=True), transfers=dict(loss_mgd=transfer))


def iakd(kld: Callable[..., dict]) -> dict[str, Any]:
    teacher = dict(model=tiny(20), frozen=True)
    return dict(
        type='dynkd.InteractiveDistillation',
        streams=dict(teacher=teacher, student=dict(model=tiny(14))),
        interaction=dict(probability=0.5),
    )


@pytest.fixture
def train(runner, kld) -> Callable[..., Losses]:
    """Train for four epochs of two iterations."""

    def train(method: Callable[..., dict], **cfg: Any) -> Losses:
        torch.compiler.reset()
        counters.clear()
        losses = Losses()
        model = dict(dict(type='dynkd.Distillation'), **method(kld))
        for stream in model['streams'].values():
            stream['input_shape'] = (3, 32, 32)
        stores = [dict(type='dynkd.StoreHook')] if 'stores' in model else []
        optim_wrapper = dict(
            constructor='dynkd.StreamOptimWrapperConstructor',
            optimizer=dict(type='SGD', lr=0.01),
        )
        runner(
            model=model,
            optim_wrapper=optim_wrapper,
            train_cfg=dict(by_epoch=True, max_epochs=4, val_interval=9),
            custom_hooks=[losses, dict(type='dynkd.RunCheckHook'), *stores],
            **cfg,
        ).train()
        torch.compiler.reset()
        return losses

    return train


@pytest.mark.parametrize(
    'method, backend',
    [
        (phases, 'eager'),
        *(
            pytest.param(method, 'inductor', marks=SLOW)
            for method in (dkd, ekd, dtskd, dpk, mgd, phases)
        ),
    ],
)
def test_losses_are_those_of_eager_steps(train, method, backend, record_property):
    eager = train(method)
    compiled = train(method, cfg=dict(compile=dict(backend=backend)))
    # `pytest --junitxml=FILE` writes them.
    record_property('graphs', compiled.graphs[-1])
    record_property('graph_breaks', compiled.breaks)
    assert compiled.graphs[0] > 0 and not any(eager.graphs)
    for own, other in zip(compiled.logged, eager.logged):
        assert own == pytest.approx(other, rel=1e-5, abs=1e-5)
    # Nothing is compiled anew in each step.
    assert compiled.graphs[-1] == compiled.graphs[-2]


@SLOW
def test_drawn_paths_are_compiled_again_and_again(train, monkeypatch):
    said = []
    monkeypatch.setattr(run_checks, 'print_log', lambda text, **_: said.append(text))
    eager = train(iakd)
    assert not said
    compiled = train(iakd, cfg=dict(compile=dict(backend='eager')))
    assert 'each new draw of paths of the' in said[0]
    for own, other in zip(compiled.logged, eager.logged):
        assert own == pytest.approx(other, rel=1e-5, abs=1e-5)
