# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Configs as text: what is read again is what was written."""

from hypothesis import given
from hypothesis import strategies as st

from dynkd.recipes.text import Base, assignment

KEYS = st.text('abc_-.1', min_size=1, max_size=6)
PLAIN = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=40))
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(KEYS, inner, max_size=4),
    ),
    max_leaves=20,
)


@given(VALUES)
def test_it_is_read_as_it_was(value):
    names: dict = {}
    exec(assignment('x', value), names)
    assert names['x'] == value


def test_the_base_is_named():
    hooks = [Base('custom_hooks', star=True), dict(type='Hook')]
    assert assignment('a', hooks) == "a = [*_base_.custom_hooks, dict(type='Hook')]"
    assert assignment('b', dict(model=Base('model'))) == 'b = dict(model=_base_.model)'
