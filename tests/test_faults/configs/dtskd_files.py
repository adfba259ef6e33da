# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DTSKD with its store in files, in the folder that FAULTS_STORE names.
_base_ = './dtskd.py'

model = dict(stores=dict(history=dict(format='uint8', path='{{$FAULTS_STORE:store}}')))
