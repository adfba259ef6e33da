# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# EKD on CIFAR-100, ResNet50 -> ResNet18, "not completely synchronized" (section III-C):
# teacher and student see other crops and flips of the same images (ours).
_base_ = './resnet50_resnet18_cifar100.py'

train_dataloader = dict(
    dataset=dict(
        pipeline=[
            dict(
                type='dynkd.StreamViews',
                streams=['teacher', 'student'],
                transforms=_base_.train_pipeline,
            )
        ]
    )
)
model = dict(streams=dict(teacher=dict(input='teacher'), student=dict(input='student')))
