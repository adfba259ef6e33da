# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What runs a training: optimizers, loops, hooks, and functions for data loaders."""
