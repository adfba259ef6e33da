# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The five nouns, the distillation that joins them, and what each paper adds.

Each package builds only on those before it: :mod:`~dynkd.models.taps` and
:mod:`~dynkd.models.schedules`, :mod:`~dynkd.models.stores`,
:mod:`~dynkd.models.streams`, :mod:`~dynkd.models.transfers`,
:mod:`~dynkd.models.algorithms`, :mod:`~dynkd.models.methods`. The registries import
only the packages that they need: schedules load without any model.
"""
