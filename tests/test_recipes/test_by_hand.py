# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Five lines over a library's own config are a distillation, without a recipe."""

from pathlib import Path

from mmengine.config import Config

from dynkd.utils.cli import build_runner

FOLDER = Path(__file__).resolve().parent
#: Nothing of hooks, optimizers, loops or metrics, which come by themselves.
FIVE_LINES = """
_base_ = 'mmpretrain::resnet/resnet18_8xb32_in1k.py'
custom_imports = dict(imports=['dynkd'], allow_failed_imports=False)
pair = dict(teacher='mmpretrain::resnet/resnet34_8xb32_in1k.py', student=dict(model=_base_.model))
kld = {f'loss_{t}': dict(source=f'{s}.head', target=f'{t}.head', loss=dict(type='KLDLoss')) for s, t in (pair, [*pair][::-1])}
model = dict(_delete_=True, type='dynkd.Distillation', streams=pair, transfers=kld)
"""  # noqa: E501


def test_it_trains_validates_and_exports(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    monkeypatch.chdir(tmp_path)
    import own_data

    own_data.write_imagenet(tmp_path / 'data')
    (tmp_path / 'five_lines.py').write_text(FIVE_LINES)
    cfg = Config.fromfile(tmp_path / 'five_lines.py')
    # As an inherited config may name the best.
    cfg.default_hooks.checkpoint.save_best = 'auto'
    for name, stream in cfg.model.streams.items():
        own = stream if isinstance(stream, dict) else dict(config=stream)
        cfg.model.streams[name] = dict(own, input_shape=(3, 64, 64))
    own_data.shrink(cfg, 64)
    cfg.work_dir = str(tmp_path / 'run')
    runner = build_runner(cfg)
    runner.train()
    # Both from scratch: the one optimizer has the weights of both.
    groups = runner.optim_wrapper.optimizer.param_groups
    optimised = {id(own) for group in groups for own in group['params']}
    for stream in ('teacher', 'student'):
        own = {id(p) for p in runner.model.stream(stream).model.parameters()}
        assert own <= optimised
    assert set(runner.val_loop.evaluator.evaluators) == {'teacher', 'student'}
    files = {path.name for path in (tmp_path / 'run').iterdir()}
    assert {'student.pth', 'student.py', 'teacher.pth'} <= files
    assert 'best_student_accuracy_top1_epoch_1.pth' in files
