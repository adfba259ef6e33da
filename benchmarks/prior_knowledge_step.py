# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Time of a step of DPK beside one of plain distillation.

ResNets of MMPretrain train on the same random images of 32x32, in one process, taking
turns:

- ``student``: a plain training step, by MMPretrain.
- ``kd``: the same with a frozen teacher, whose logits the student learns from.
- ``dpk (6-4)``: ``kd``, and Dynamic Prior Knowledge on the last stage with encoders of
  6 blocks and a decoder of 4, its ratio following CKA.

A turn gives a ratio for each method; medians and quartiles of these ratios are printed,
and the parameters and multiplications that DPK adds.
"""

import argparse

import torch
from side_by_side import CLOCKS, Step, add_options, measure, milliseconds, ratios
from small_classifiers import classifier, distillation, plain, prepare, step_of
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

#: Rows and columns of the last stage's map.
SIDE = 4


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--batch', type=int, default=32, help='images in a batch')
    parser.add_argument('--depth', type=int, default=18, help="the student's")
    parser.add_argument('--teacher-depth', type=int, default=34)
    parser.add_argument('--width', type=int, default=64, help='of the first stage')
    parser.add_argument('--embed-dims', type=int, default=256, help='of a token')
    parser.add_argument(
        '--depths',
        nargs='+',
        default=['1-1', '6-4', '6-6'],
        help='blocks of the encoders and of the decoder',
    )
    add_options(parser, turns=12)
    return parser.parse_args()


def channels(args: argparse.Namespace, depth: int) -> int:
    """Channels of a ResNet's last stage."""
    return 8 * args.width * (4 if depth >= 50 else 1)


def resnet(args: argparse.Namespace, depth: int) -> dict:
    """A ResNet for small images."""
    return classifier(
        channels(args, depth),
        type='ResNet_CIFAR',
        depth=depth,
        stem_channels=args.width,
        base_channels=args.width,
    )


def distilled(args: argparse.Namespace, **transfers: dict) -> nn.Module:
    """A distillation of logits, and what else there is."""
    loss = dict(type='KLDLoss', temperature=4.0, loss_weight=0.8)
    return distillation(
        args.seed,
        streams=dict(
            teacher=dict(model=resnet(args, args.teacher_depth), frozen=True),
            student=dict(model=resnet(args, args.depth)),
        ),
        transfers=dict(
            loss_kd=dict(source='teacher.head', target='student.head', loss=loss),
            **transfers,
        ),
    )


def prior_knowledge(args: argparse.Namespace, encoder: int, decoder: int) -> nn.Module:
    """A distillation of logits and of the last stage."""
    connector = dict(
        type='PriorKnowledge',
        student_channels=channels(args, args.depth),
        teacher_channels=channels(args, args.teacher_depth),
        embed_dims=args.embed_dims,
        grid_size=SIDE,
        encoder_depth=encoder,
        decoder_depth=decoder,
    )
    loss = dict(type='FeatureLoss', kind='mse', loss_weight=0.2)
    return distilled(
        args,
        loss_dpk=dict(
            source='teacher.backbone[0]',
            target='student.backbone[0]',
            connector=connector,
            loss=loss,
        ),
    )


def cost(args: argparse.Namespace, model: nn.Module) -> str:
    """Parameters of the connector, and its part of the student's multiplications."""
    connector = model.transfers['loss_dpk'].connector
    maps = [
        torch.zeros(args.batch, channels(args, depth), SIDE, SIDE)
        for depth in (args.depth, args.teacher_depth)
    ]
    own = multiplications(connector, *maps)
    images = torch.zeros(args.batch, 3, 32, 32)
    whole = multiplications(model.stream('student').model.backbone, images)
    parameters = sum(p.numel() for p in connector.parameters())
    return f'{parameters / 1e6:.1f} M | {own / whole:.1%}'


def multiplications(module: nn.Module, *inputs: torch.Tensor) -> int:
    """Multiplications of a forward pass in training, as torch counts them."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        module(*inputs)
    return counter.get_total_flops() // 2


def main() -> None:
    args = parse_args()
    batches = prepare(args)
    steps: dict[str, Step] = dict(
        student=plain(resnet(args, args.depth), args.seed), kd=step_of(distilled(args))
    )
    costs = {}
    for depths in args.depths:
        model = prior_knowledge(args, *map(int, depths.split('-')))
        name = f'dpk ({depths})'
        costs[name] = cost(args, model)
        steps[name] = step_of(model)
    found = measure(steps, batches, args.turns, CLOCKS[args.clock])
    print(
        f'ResNet-{args.teacher_depth} and ResNet-{args.depth}, width {args.width}, '
        f'tokens of {args.embed_dims}, batch {args.batch}, {args.threads} threads, '
        f'{args.clock} time, {args.turns} turns; median (quartiles)\n\n'
        '| method | time, ms | relative to `student` | relative to `kd` | parameters '
        "of DPK | its multiplications, of the student's |\n|---|---|---|---|---|---|"
    )
    for name in steps:
        own, vanilla = (ratios(found, name, other) for other in ('student', 'kd'))
        print(
            f'| {name} | {milliseconds(found, name)} | {own} | {vanilla} '
            f'| {costs.get(name, " | ")} |'
        )


if __name__ == '__main__':
    main()
