# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The hook around a model that stands in for a distillation with a store."""

import uuid
from types import SimpleNamespace
from typing import Any, Callable, Optional

import pytest
import torch
from mmengine.dataset import BaseDataset, ConcatDataset, RepeatDataset
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmpretrain.models import ClsDataPreprocessor
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from dynkd.engine.hooks.store_hook import StoreHook
from dynkd.models.stores import PredictionStore
from dynkd.models.streams import check_stored
from dynkd.models.taps import Tap

CLASSES = 3
TAP = 'student.head'


def pack(info: dict) -> dict:
    sample = DataSample(metainfo=dict(sample_idx=info['sample_idx']))
    sample.set_gt_label(info['gt_label'])
    return dict(inputs=info['img'], data_samples=sample)


class Numbers(BaseDataset):
    """Samples of four numbers in three classes."""

    METAINFO = dict(classes=('a', 'b', 'c'))

    def __init__(self, count: int = 8, pipeline: Callable = pack) -> None:
        self.count = count
        super().__init__(pipeline=[pipeline], serialize_data=False)

    def load_data_list(self) -> list[dict]:
        generator = torch.Generator().manual_seed(0)
        return [
            dict(
                img=torch.randn(4, generator=generator),
                gt_label=i % CLASSES,
                img_path=f'{i}.png',
            )
            for i in range(self.count)
        ]


class Distilled(BaseModel):
    """A model that learns from its own past predictions.

    It stops with an error before the step `stop`, as if it were killed.
    """

    def __init__(self, store: dict, preprocessor: Optional[nn.Module] = None) -> None:
        super().__init__()
        self.line = nn.Linear(4, CLASSES)
        with torch.no_grad():
            self.line.weight.copy_(torch.arange(12.0).reshape(CLASSES, 4).sin())
            self.line.bias.zero_()
        self.student = nn.Module()
        self.student.data_preprocessor = preprocessor
        self.stores = {'history': PredictionStore(**store)}
        self.stores['history'].declare({TAP: CLASSES})
        self.steps, self.stop = 0, None

    def stream(self, name: str) -> nn.Module:
        assert name == 'student'
        return self.student

    def forward(self, inputs: Any, data_samples: Any = None, mode: str = 'loss'):
        if self.steps == self.stop:
            raise KeyboardInterrupt
        self.steps += 1
        store = self.stores['history']
        logits = self.line(torch.stack(list(inputs)))
        indices = torch.tensor([sample.sample_idx for sample in data_samples])
        labels = torch.eye(CLASSES)[[int(sample.gt_label) for sample in data_samples]]
        past = store.read(indices, {TAP: labels})[TAP]
        store.write(indices, {TAP: logits})
        return dict(loss=-(past * logits.log_softmax(1)).sum(1).mean())


@pytest.fixture
def training(tmp_path) -> Callable[..., Runner]:
    """Build a runner of four epochs of three steps."""

    def build(
        name: str = 'run',
        dataset: Any = None,
        model: Optional[Distilled] = None,
        store: Optional[dict] = None,
        interval: int = 1,
        **cfg: Any,
    ) -> Runner:
        sampler = dict(type='DefaultSampler', shuffle=True)
        defaults = dict(
            model=model or Distilled(store or {}),
            work_dir=str(tmp_path / name),
            train_dataloader=dict(
                dataset=dataset or Numbers(),
                batch_size=3,
                num_workers=0,
                sampler=sampler,
                collate_fn=dict(type='pseudo_collate'),
            ),
            train_cfg=dict(by_epoch=True, max_epochs=4),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.3)),
            default_hooks=dict(
                checkpoint=dict(type='CheckpointHook', interval=interval)
            ),
            custom_hooks=[dict(type='dynkd.StoreHook')],
            randomness=dict(seed=3),
            default_scope='mmengine',
            log_level='ERROR',
            experiment_name=uuid.uuid4().hex,
        )
        return Runner(**dict(defaults, **cfg))

    return build


def rows(runner: Runner) -> Tensor:
    """All that the store says after the training."""
    store = runner.model.stores['history']
    return store.read(torch.arange(8), {TAP: torch.zeros(8, CLASSES)})[TAP]


def kill(runner: Runner, step: int) -> None:
    """Train, and stop like a killed process before a step."""
    runner.model.stop = step
    with pytest.raises(KeyboardInterrupt):
        runner.train()


@pytest.mark.parametrize('in_files', [False, True])
@pytest.mark.parametrize('interval', [1, 2])
@pytest.mark.parametrize('format', ['float32', 'uint8'])
def test_killed_and_resumed_is_never_stopped(
    training, tmp_path, format, interval, in_files
):
    whole = training('whole', store=dict(format=format))
    whole.train()
    store = dict(format=format, path=str(tmp_path / 'rows') if in_files else None)
    # In the middle of epoch 4; with interval 2, epoch 3 is lost, too.
    kill(training('parts', store=store, interval=interval), step=10)
    again = training('parts', store=store, interval=interval, resume=True)
    again.train()
    assert again.model.steps == (3 if interval == 1 else 6)
    assert torch.equal(again.model.line.weight, whole.model.line.weight)
    assert torch.equal(rows(again), rows(whole))


class Best(Hook):
    """Saves each epoch like `save_best`: without an optimizer."""

    priority = 'LOWEST'

    def after_train_epoch(self, runner: Runner) -> None:
        options = dict(save_optimizer=False, save_param_scheduler=False)
        runner.save_checkpoint(runner.work_dir, 'best.pth', **options)


def test_a_best_checkpoint_leaves_the_last_one_its_files(training, tmp_path):
    whole = training('whole')
    whole.train()
    hooks = [dict(type='dynkd.StoreHook'), Best()]
    store = dict(path=str(tmp_path / 'rows'))
    cfg = dict(store=store, interval=2, custom_hooks=hooks)
    # In epoch 4, after the best checkpoint of epoch 3; resumed after epoch 2.
    kill(training('parts', **cfg), step=10)
    again = training('parts', **cfg, resume=True)
    again.train()
    assert again.model.steps == 6
    assert torch.equal(rows(again), rows(whole))


def test_the_history_matters(training):
    # Else the test above could not fail.
    whole, first = training('whole'), training('first')
    first.train_loop._max_epochs = 1
    whole.train()
    first.train()
    assert not torch.allclose(rows(whole), rows(first), atol=1e-3)


def test_epochs_are_counted_as_the_checkpoints_do(training, tmp_path):
    runner = training()
    runner.train()
    for epoch in (1, 2, 3, 4):
        path = tmp_path / 'run' / f'epoch_{epoch}.pth'
        saved = torch.load(path, weights_only=False)
        assert saved['stores']['history']['epoch'] == saved['meta']['epoch'] == epoch
        assert saved['stores']['history']['seen'].all()
    assert torch.equal(
        saved['stores']['history']['rows'].view(torch.float32), rows(runner)
    )


def test_weights_alone_do_not_bring_the_history(training, tmp_path):
    training().train()
    load_from = str(tmp_path / 'run' / 'epoch_4.pth')
    runner = training('second', load_from=load_from)
    kill(runner, step=0)
    assert not rows(runner).any()
    assert runner.model.stores['history'].epoch == 0


@pytest.mark.parametrize(
    'saver, expected',
    [
        (dict(interval=1), 2),
        (dict(interval=2), 3),
        (dict(interval=1, save_optimizer=False), 3),
    ],
)
def test_as_many_files_as_the_checkpoints_need(training, tmp_path, saver, expected):
    path = tmp_path / 'rows'
    hooks = dict(checkpoint=dict(type='CheckpointHook', **saver))
    training(store=dict(path=str(path)), default_hooks=hooks).train()
    assert len(list(path.glob('*.bin'))) == expected


def test_a_repeated_data_set(training):
    runner = training(dataset=RepeatDataset(Numbers(), times=2))
    runner.train()
    assert (rows(runner).sum(1) > 0.99).all()


def test_a_model_without_stores_is_left_alone(training, tmp_path):
    model = Distilled({})
    runner = training(model=model)
    runner.model.stores = {}
    runner.model.forward = lambda inputs, **kwargs: dict(
        loss=model.line(torch.stack(list(inputs))).sum()
    )
    runner.train()
    saved = torch.load(tmp_path / 'run' / 'epoch_4.pth', weights_only=False)
    assert 'stores' not in saved


def test_a_loop_without_epochs(training):
    runner = training(
        train_cfg=dict(by_epoch=False, max_iters=2),
        default_hooks=dict(checkpoint=dict(type='CheckpointHook', by_epoch=False)),
    )
    with pytest.raises(ValueError, match='IterBasedTrainLoop has no epochs'):
        runner.train()


def mixup() -> ClsDataPreprocessor:
    return ClsDataPreprocessor(
        num_classes=CLASSES, batch_augments=dict(augments=dict(type='Mixup', alpha=1.0))
    )


def streams(preprocessor: ClsDataPreprocessor) -> dict[str, Any]:
    """The streams of a distillation: its student."""
    model = SimpleNamespace(data_preprocessor=preprocessor)
    return {'student': SimpleNamespace(model=model)}


def test_mixed_images():
    message = (
        '`history` keeps .*`student.head`.*`student` mixes images .`batch_augments`'
    )
    with pytest.raises(ValueError, match=message):
        check_stored({'history': [Tap.parse(TAP)]}, streams(mixup()))


def test_plain_images_of_the_same_preprocessor():
    plain = ClsDataPreprocessor(num_classes=CLASSES)
    check_stored({'history': [Tap.parse(TAP)]}, streams(plain))


@pytest.mark.parametrize(
    'path', ['{}/rows', '{}/rows/', '{}/a/../rows', '~/rows', 'rows']
)
def test_two_stores_in_one_folder(training, tmp_path, monkeypatch, path):
    monkeypatch.setenv('HOME', str(tmp_path))
    monkeypatch.chdir(tmp_path)
    model = Distilled(dict(path=str(tmp_path / 'rows')))
    model.stores['other'] = PredictionStore(path=path.format(tmp_path))
    model.stores['other'].declare({TAP: CLASSES})
    with pytest.raises(ValueError, match='`history` and `other` have the same path'):
        training(model=model).train()


def test_samples_without_their_index(training):
    def forget(info: dict) -> dict:
        return dict(inputs=info['img'], data_samples=DataSample())

    runner = training(dataset=Numbers(pipeline=forget))
    with pytest.raises(ValueError, match="'sample_idx' to the meta_keys"):
        runner.train()


def test_joined_data_sets(training):
    runner = training(dataset=ConcatDataset([Numbers(), Numbers()]))
    with pytest.raises(ValueError, match='joins 2 data sets'):
        runner.train()


@pytest.mark.parametrize(
    'change, message',
    [
        (dict(dataset=Numbers(count=9)), 'number of samples: 8. This run has 9'),
        (dict(store=dict(format='float16')), 'of this format'),
    ],
)
def test_resumed_with_something_else(training, change, message):
    kill(training(), step=4)
    with pytest.raises(ValueError, match=f'store `history`: .*{message}'):
        training(resume=True, **change).train()


def test_resumed_from_a_run_without_the_store(training):
    kill(training(custom_hooks=None, model=Unread({})), step=4)
    with pytest.raises(ValueError, match='`history`: .* holds nothing of it'):
        training(resume=True).train()


class Unread(Distilled):
    """The same model without its store."""

    def forward(self, inputs: Any, data_samples: Any = None, mode: str = 'loss'):
        if self.steps == self.stop:
            raise KeyboardInterrupt
        self.steps += 1
        return dict(loss=self.line(torch.stack(list(inputs))).square().mean())


def test_before_the_checkpoint_of_the_epoch():
    from mmengine.hooks import CheckpointHook
    from mmengine.runner import get_priority

    assert get_priority(StoreHook.priority) < get_priority(CheckpointHook.priority)
