# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Each loss is compared with an oracle, and the page says how far it is from it."""

import dynkd.models  # noqa: F401  # registers the losses of all methods
from dynkd.models.transfers.losses import TransferLoss
from dynkd.registry import MODELS

from .oracles import COMPARISON, FOLDER, _rounded_up, documented


def test_each_loss_has_a_row():
    own = {
        name
        for name, kind in MODELS.module_dict.items()
        if isinstance(kind, type)
        and issubclass(kind, TransferLoss)
        and kind.__module__.startswith('dynkd.')
    }
    assert len(own) > 15 and own <= set(documented())


def test_each_row_is_what_tests_compare():
    """The comparison fails where the error is of another order than the page's."""
    texts = [file.read_text(encoding='utf-8') for file in FOLDER.rglob('test_*.py')]
    compared = {name for text in texts for _, name in COMPARISON.findall(text)}
    assert compared == set(documented())


def test_errors_are_rounded_up_to_one_digit():
    errors = {0.0: '1e-16', 3.2e-16: '4e-16', 9.5e-9: '1e-8', 4e-05: '4e-5', 1.0: '1e0'}
    assert {error: _rounded_up(error) for error in errors} == errors
