# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What ``tools/compare.py`` is made of.

``spec`` reads the file of a comparison, ``options`` the command line, ``trainings``
lists what it trains, ``pool`` and ``slurm`` run that, ``results`` keeps what came out,
``report`` and ``figure`` show it, and ``seconds`` is how long that took.
"""
