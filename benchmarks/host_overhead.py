# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What the framework costs: steps of DynKD beside the same computation by hand.

The networks have one channel, so that what is measured is not their convolutions but
what happens around them: data preprocessing, taps, transfers, losses, optimizers. By
hand means plain models, a plain loss and plain optimizer wrappers of MMEngine in a
function. All steps take turns in one process.
"""

import argparse
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS as MMENGINE_MODELS
from side_by_side import CLOCKS, Step, add_options, measure, milliseconds, ratios
from small_classifiers import OPTIMIZER, classifier, distillation, prepare, step_of

TAU = 4.0
TINY = classifier(4, type='dynkd.ResNet6nPlus2', depth=8, stem_channels=1)
TINY['backbone']['base_channels'] = 1
KLD = dict(type='KLDLoss', temperature=TAU)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--batch', type=int, default=256, help='images of a batch')
    parser.add_argument('--size', type=int, default=32, help='side of the images')
    add_options(parser, turns=40)
    return parser.parse_args()


def transfer(source: str, target: str) -> dict[str, Any]:
    """Class probabilities from one stream to the other."""
    return dict(source=f'{source}.head', target=f'{target}.head', loss=KLD)


def ours(seed: int, mutual: bool) -> Step:
    """A step of DynKD: KD, or DKD's class probabilities in both directions."""
    transfers = dict(loss_student=transfer('teacher', 'student'))
    if mutual:
        transfers['loss_teacher'] = transfer('student', 'teacher')
    teacher = dict(model=TINY, frozen=not mutual)
    streams = dict(student=dict(model=TINY), teacher=teacher)
    return step_of(distillation(seed, streams=streams, transfers=transfers))


class ByHand:
    """The same step without DynKD.

    Args:
        seed (int): Of the weights.
        mutual (bool): Whether the teacher learns too.
    """

    def __init__(self, seed: int, mutual: bool) -> None:
        torch.manual_seed(seed)
        self.student, self.teacher = (MMENGINE_MODELS.build(TINY) for _ in range(2))
        self.mutual = mutual
        models = [self.student, self.teacher] if mutual else [self.student]
        for model in models:
            model.init_weights()
            model.train()
        if not mutual:
            self.teacher.eval().requires_grad_(False)
        cfg = dict(optimizer=OPTIMIZER)
        self.wrappers = [build_optim_wrapper(model, cfg) for model in models]

    def __call__(self, batch: dict[str, Any]) -> None:
        """Run the step."""
        data = self.student.data_preprocessor(batch, True)
        images, samples = data['inputs'], data['data_samples']
        student = self.student.head(self.student.extract_feat(images))
        with torch.set_grad_enabled(self.mutual):
            teacher = self.teacher.head(self.teacher.extract_feat(images))
        losses = self._losses(self.student, student, teacher, samples, 'student')
        if self.mutual:
            losses.update(
                self._losses(self.teacher, teacher, student, samples, 'teacher')
            )
        total, _ = self.student.parse_losses(losses)
        for wrapper in self.wrappers:
            wrapper.zero_grad()
        total.backward()
        for wrapper in self.wrappers:
            wrapper.step()

    @staticmethod
    def _losses(
        model: Any, own: torch.Tensor, other: torch.Tensor, samples: list, name: str
    ) -> dict[str, torch.Tensor]:
        """Cross-entropy, and the divergence from the other's class probabilities."""
        losses = model.head._get_loss(own, samples)
        log_p = F.log_softmax(own / TAU, dim=1)
        log_q = F.log_softmax(other.detach() / TAU, dim=1)
        kld = F.kl_div(log_p, log_q, log_target=True, reduction='batchmean')
        found = {f'{name}/{key}': value for key, value in losses.items()}
        return dict(found, **{f'loss_{name}': TAU**2 * kld})


def main() -> None:
    args = parse_args()
    batches = prepare(args)
    methods: dict[str, Step] = {}
    for name, mutual in (('KD', False), ('DKD', True)):
        methods[name] = ours(args.seed, mutual)
        methods[f'{name} by hand'] = ByHand(args.seed, mutual)
    found = measure(methods, batches, args.turns, CLOCKS[args.clock])
    print('| step | DynKD, ms | by hand, ms | DynKD / by hand |\n|---|---|---|---|')
    for name in ('KD', 'DKD'):
        hand = f'{name} by hand'
        times = f'{milliseconds(found, name)} | {milliseconds(found, hand)}'
        print(f'| {name} | {times} | {ratios(found, name, hand)} |')


if __name__ == '__main__':
    main()
