# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
_base_ = './student.py'
custom_imports = dict(imports=['dynkd'])
streams = dict(student=dict(model=_base_.model), teacher=dict(config='teacher.py'))
dkd = dict(loss_dkd=dict(type='DynamicTransfers'))
model = dict(_delete_=True, type='dynkd.Distillation', streams=streams, transfers=dkd)
