# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# 15 epochs of SGD for a small classifier on a small data set, alone.
_base_ = './sgd_15e.py'

val_cfg = dict()
test_cfg = dict()
