# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The text of a config is formatted once, as MMEngine would format it each time."""

import mmengine.config.config as config
import pytest
from mmengine.config import Config

from dynkd.compat import config_text


@pytest.fixture
def formatted(monkeypatch):
    """The texts that were formatted, not looked up."""
    if not hasattr(config, 'FormatCode'):
        pytest.skip('this MMEngine imports its formatter with each call')
    real, texts = config.FormatCode.__wrapped__, []

    def format_code(text, **options):
        texts.append(text)
        return real(text, **options)

    monkeypatch.setattr(config, 'FormatCode', config_text._remembering(format_code))
    return texts


def test_a_text_is_formatted_once(formatted):
    cfg = Config(dict(model=dict(type='A', widths=[1, 2, 3]), lr=0.1))
    first = cfg.pretty_text
    assert 'widths=[' in first
    assert cfg.pretty_text == first and len(formatted) == 1


def test_a_config_that_was_changed_is_formatted_again(formatted):
    cfg = Config(dict(lr=0.1))
    assert cfg.pretty_text == 'lr = 0.1\n'
    cfg.lr = 0.2
    assert cfg.pretty_text == 'lr = 0.2\n' and len(formatted) == 2


def test_few_texts_are_kept(formatted):
    cfgs = [Config(dict(lr=float(i))) for i in range(config_text._KEPT + 1)]
    for cfg in (*cfgs, cfgs[-1], cfgs[0]):
        assert cfg.pretty_text == f'lr = {cfg.lr}\n'
    assert len(formatted) == len(cfgs) + 1


def test_what_cannot_be_formatted_fails_each_time():
    def fail(text, **options):
        raise SyntaxError(text)

    remembering = config_text._remembering(fail)
    for _ in range(2):
        with pytest.raises(SyntaxError):
            remembering('lr =')
