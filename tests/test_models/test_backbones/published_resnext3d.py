# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The forward pass of a 3D ResNeXt, written down from its published description.

Only weights by their published names and elementary operations: an oracle for the
backbone, and a source of published checkpoints for its converter.
"""

import torch
from torch import Tensor

NUMBERS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}


def random_weights(
    depth: int,
    classes: int = 5,
    cardinality: int = 32,
    channels: int = 3,
    shortcut: str = 'B',
    stem: int = 64,
    kernel: int = 7,
) -> dict[str, Tensor]:
    """Weights of a network of the published architecture, by the published names."""
    generator = torch.Generator().manual_seed(depth + channels)
    state: dict[str, Tensor] = {}

    def conv(name: str, outputs: int, inputs: int, size: int) -> None:
        shape = (outputs, inputs, size, size, size)
        scale = (2 / (inputs * size**3)) ** 0.5
        state[f'{name}.weight'] = torch.randn(shape, generator=generator) * scale

    def norm(name: str, width: int) -> None:
        state[f'{name}.weight'] = torch.rand(width, generator=generator) + 0.5
        state[f'{name}.bias'] = torch.randn(width, generator=generator) * 0.1
        state[f'{name}.running_mean'] = torch.randn(width, generator=generator) * 0.1
        state[f'{name}.running_var'] = torch.rand(width, generator=generator) + 0.5
        state[f'{name}.num_batches_tracked'] = torch.tensor(7)

    conv('conv1', stem, channels, kernel)
    norm('bn1', stem)
    inputs = stem
    for stage, number in enumerate(NUMBERS[depth]):
        planes = 2 * stem * 2**stage
        # In units of 32 for a stem of 64: `cardinality * int(planes / 32)`.
        middle = cardinality * (planes * 64 // stem // 32)
        for index in range(number):
            block = f'layer{stage + 1}.{index}'
            conv(f'{block}.conv1', middle, inputs, 1)
            norm(f'{block}.bn1', middle)
            conv(f'{block}.conv2', middle, middle // cardinality, 3)
            norm(f'{block}.bn2', middle)
            conv(f'{block}.conv3', 2 * planes, middle, 1)
            norm(f'{block}.bn3', 2 * planes)
            if index == 0 and shortcut == 'B':
                conv(f'{block}.downsample.0', 2 * planes, inputs, 1)
                norm(f'{block}.downsample.1', 2 * planes)
            inputs = 2 * planes
    state['fc.weight'] = torch.randn(classes, inputs, generator=generator) * 0.05
    state['fc.bias'] = torch.randn(classes, generator=generator)
    return state


def _convolve(x: Tensor, weight: Tensor, stride: tuple[int, int, int]) -> Tensor:
    """A padded convolution as a sum over the kernel's positions, path by path."""
    outputs, inputs, *kernel = weight.shape
    paths = x.size(1) // inputs
    pads = [size // 2 for size in kernel]
    padded = x.new_zeros(
        *x.shape[:2], *(size + 2 * pad for size, pad in zip(x.shape[2:], pads))
    )
    place = tuple(slice(pad, pad + size) for size, pad in zip(x.shape[2:], pads))
    padded[(slice(None), slice(None), *place)] = x
    sizes = [(size - 1) // step + 1 for size, step in zip(x.shape[2:], stride)]
    out = x.new_zeros(x.size(0), paths, outputs // paths, *sizes)
    each = weight.view(paths, outputs // paths, inputs, *kernel)
    for t in range(kernel[0]):
        for h in range(kernel[1]):
            for w in range(kernel[2]):
                window = padded[
                    :,
                    :,
                    t : t + (sizes[0] - 1) * stride[0] + 1 : stride[0],
                    h : h + (sizes[1] - 1) * stride[1] + 1 : stride[1],
                    w : w + (sizes[2] - 1) * stride[2] + 1 : stride[2],
                ]
                window = window.reshape(x.size(0), paths, inputs, *sizes)
                out += torch.einsum(
                    'bpithw,poi->bpothw', window, each[:, :, :, t, h, w]
                )
    return out.flatten(1, 2)


def _normalise(x: Tensor, state: dict[str, Tensor], name: str) -> Tensor:
    """Batch normalisation with the statistics that are kept."""
    weight, bias, mean, variance = (
        state[f'{name}.{key}'].view(-1, 1, 1, 1)
        for key in ('weight', 'bias', 'running_mean', 'running_var')
    )
    return (x - mean) / (variance + 1e-5).sqrt() * weight + bias


def _pool(x: Tensor) -> Tensor:
    """The maximum of 3x3x3 positions around every second one."""
    outputs = [(size - 1) // 2 + 1 for size in x.shape[2:]]
    out = x.new_empty(*x.shape[:2], *outputs)
    for t in range(outputs[0]):
        for h in range(outputs[1]):
            for w in range(outputs[2]):
                near = x[
                    :,
                    :,
                    max(0, 2 * t - 1) : 2 * t + 2,
                    max(0, 2 * h - 1) : 2 * h + 2,
                    max(0, 2 * w - 1) : 2 * w + 2,
                ]
                out[:, :, t, h, w] = near.amax(dim=(2, 3, 4))
    return out


def stages(state: dict[str, Tensor], clips: Tensor) -> list[Tensor]:
    """The features of the four stages, (B, C, T, H, W) each, of clips of that shape."""

    def unit(x: Tensor, block: str, index: int, step: int = 1) -> Tensor:
        out = _convolve(x, state[f'{block}.conv{index}.weight'], (step,) * 3)
        return _normalise(out, state, f'{block}.bn{index}')

    x = _convolve(clips, state['conv1.weight'], (1, 2, 2))
    x = _pool(_normalise(x, state, 'bn1').clamp(min=0))
    found = []
    for stage in range(1, 5):
        index = 0
        while f'layer{stage}.{index}.conv1.weight' in state:
            block = f'layer{stage}.{index}'
            step = 2 if stage > 1 and index == 0 else 1
            out = unit(x, block, 1).clamp(min=0)
            out = unit(out, block, 2, step).clamp(min=0)
            out = unit(out, block, 3)
            if f'{block}.downsample.0.weight' in state:
                weight = state[f'{block}.downsample.0.weight']
                x = _convolve(x, weight, (step,) * 3)
                x = _normalise(x, state, f'{block}.downsample.1')
            elif x.shape != out.shape:
                kept = x[:, :, ::step, ::step, ::step]
                x = torch.zeros_like(out)
                x[:, : kept.size(1)] = kept
            x = (out + x).clamp(min=0)
            index += 1
        found.append(x)
    return found


def scores(state: dict[str, Tensor], clips: Tensor) -> Tensor:
    """The scores (B, classes) of clips (B, C, T, H, W)."""
    features = stages(state, clips)[-1].mean(dim=(2, 3, 4))
    return features @ state['fc.weight'].T + state['fc.bias']
