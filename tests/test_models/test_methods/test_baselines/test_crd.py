# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import copy
import math
from types import SimpleNamespace

import pytest
import torch
from mmpretrain.structures import DataSample

from dynkd.models.methods.baselines import CRDLoss

ROWS, LABELS = [3, 0, 5], [1, 0, 1]


def samples(rows=ROWS, labels=LABELS) -> list[DataSample]:
    found = []
    for row, label in zip(rows, labels):
        sample = DataSample().set_gt_label(label)
        sample.set_metainfo(dict(sample_idx=row))
        found.append(sample)
    return found


@pytest.fixture
def crd() -> CRDLoss:
    torch.manual_seed(0)
    return CRDLoss(4, 6, 8, dim=3, negatives=5).double()


@pytest.fixture
def pair(features) -> tuple:
    return features(3, 4)[0], features(3, 6)[1]


def unit(values: list[float]) -> list[float]:
    norm = math.sqrt(math.fsum(v * v for v in values))
    return [value / norm for value in values]


def embed(layer, x: list[float]) -> list[float]:
    rows = zip(layer.weight.tolist(), layer.bias.tolist())
    return unit([b + math.fsum(w * v for w, v in zip(ws, x)) for ws, b in rows])


def contrast(anchors, memory, picked, counted, norm) -> tuple[float, float]:
    """The loss of one direction in loops, and Z."""
    powers = []
    for anchor, rows in zip(anchors, picked):
        dots = [math.fsum(a * m for a, m in zip(anchor, memory[row])) for row in rows]
        powers.append([math.exp(dot / 0.07) for dot in dots])
    if norm is None:
        flat = [power for row in powers for power in row]
        norm = math.fsum(flat) / len(flat) * len(memory)
    total = 0.0
    for row, counts in zip(powers, counted):
        noise = sum(counts) / len(memory)
        scores = [power / norm for power in row]
        total += math.log(scores[0] / (scores[0] + noise + 1e-7))
        for score, counts_too in zip(scores[1:], counts):
            if counts_too:
                total += math.log(noise / (score + noise + 1e-7))
    return -total / len(anchors), norm


def drawn_again(loss: CRDLoss, seed: int) -> list[list[int]]:
    torch.manual_seed(seed)
    return torch.randint(loss.num_samples, (3, loss.negatives)).tolist()


def test_is_the_equation_over_two_steps(agrees, crd, pair):
    norms = [None, None]
    known = {}
    for seed in (1, 2):
        memories = [crd.memory_target.tolist(), crd.memory_source.tolist()]
        drawn = drawn_again(crd, seed)
        torch.manual_seed(seed)
        found = crd(*pair, samples()).item()
        picked = [[row, *others] for row, others in zip(ROWS, drawn)]
        counted = [
            [other != row and known.get(other, -1) != label for other in others]
            for row, label, others in zip(ROWS, LABELS, drawn)
        ]
        layers = (crd.embed_target, crd.embed_source)
        sides = [
            [embed(layer, x) for x in side.tolist()]
            for layer, side in zip(layers, pair)
        ]
        expected = 0.0
        for index, anchors in enumerate(sides):
            value, norms[index] = contrast(
                anchors, memories[1 - index], picked, counted, norms[index]
            )
            expected += value
        agrees('CRDLoss', found, expected)
        assert crd.norm_target.item() == pytest.approx(norms[0])
        for memory, before, anchors in zip(
            (crd.memory_target, crd.memory_source), memories, sides
        ):
            for row, anchor in zip(ROWS, anchors):
                mixed = [0.5 * m + 0.5 * a for m, a in zip(before[row], anchor)]
                assert memory[row].tolist() == pytest.approx(unit(mixed))
            others = [row for row in range(8) if row not in ROWS]
            assert memory[others].tolist() == [before[row] for row in others]
        known.update(zip(ROWS, LABELS))
        assert crd.classes.tolist() == [known.get(row, -1) for row in range(8)]


def test_of_a_sample_seen_twice_the_last_is_kept(crd, pair):
    before = crd.memory_target.tolist()
    crd(*pair, samples([3, 3, 5]))
    last = embed(crd.embed_target, pair[0][1].tolist())
    mixed = [0.5 * m + 0.5 * a for m, a in zip(before[3], last)]
    assert crd.memory_target[3].tolist() == pytest.approx(unit(mixed))


def test_evaluation_remembers_nothing(crd, pair):
    before = copy.deepcopy(crd.state_dict())
    crd.eval()(*pair, samples())
    after = crd.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_the_memory_is_saved(crd, pair):
    crd(*pair, samples())
    other = CRDLoss(4, 6, 8, dim=3, negatives=5).double()
    other.load_state_dict(crd.state_dict())
    values = []
    for loss in (crd, other):
        torch.manual_seed(7)
        values.append(loss(*pair, samples()).item())
    assert values[0] == values[1]


def test_gradcheck(crd, pair):
    crd.eval()  # or each call would change the memory
    own = samples()

    def loss(target, source):
        torch.manual_seed(3)
        return crd(target, source, own)

    # Z is a constant of the training, and not of a batch.
    crd.norm_target.fill_(100.0)
    crd.norm_source.fill_(100.0)
    sides = [side.requires_grad_() for side in pair]
    assert torch.autograd.gradcheck(loss, sides)


def test_learns_to_tell_samples_apart(pair):
    torch.manual_seed(0)
    loss = CRDLoss(4, 6, 3, dim=8, negatives=16)
    target, source = (side.float() for side in pair)
    optimizer = torch.optim.Adam(loss.parameters(), lr=0.02)
    values = []
    for _ in range(80):
        optimizer.zero_grad()
        value = loss(target, source, samples([0, 1, 2], [0, 1, 2]))
        value.backward()
        optimizer.step()
        values.append(value.item())
    assert sum(values[-10:]) < 0.8 * sum(values[:10])


@pytest.mark.parametrize(
    ('target', 'source', 'own', 'error', 'message'),
    [
        ((3, 5), (3, 6), samples(), ValueError, 'target must be one vector of 4'),
        ((3, 4), (3, 6, 2), samples(), ValueError, 'source must be one vector of 6'),
        ((3, 4), (2, 6), samples(), ValueError, 'same batch size'),
        ((2, 4), (2, 6), samples(), ValueError, r'3 data sample\(s\) for 2 features'),
        ((1, 4), (1, 6), samples([8], [0]), IndexError, 'sample 8 has no row'),
        ((1, 4), (1, 6), [DataSample().set_gt_label(0)], KeyError, 'no `sample_idx`'),
    ],
)
def test_what_does_not_fit(crd, target, source, own, error, message):
    with pytest.raises(error, match=message):
        crd(torch.zeros(target), torch.zeros(source), own)


def test_of_an_empty_batch_it_is_a_zero_on_the_graph(crd):
    before = copy.deepcopy(crd.state_dict())
    target = torch.empty(0, 4, requires_grad=True)
    loss = crd(target, torch.empty(0, 6), [])
    loss.backward()
    assert loss == 0 and target.grad.shape == (0, 4)
    assert all(p.grad is not None and not p.grad.any() for p in crd.parameters())
    assert all(torch.equal(before[k], v) for k, v in crd.state_dict().items())


class Data(list):
    """A data set of samples."""

    def __getitem__(self, index):
        return dict(data_samples=super().__getitem__(index))


def fault(loss: CRDLoss, dataset) -> str:
    return loss.data_fault(SimpleNamespace(loader=SimpleNamespace(dataset=dataset)))


def test_data_that_do_not_fit_are_found_before_the_first_step(crd):
    rows = list(range(8))
    assert fault(crd, Data(samples(rows, rows))) is None
    assert 'data set has 7 samples' in fault(crd, Data(samples(rows[:7], rows)))
    without = Data(DataSample().set_gt_label(0) for _ in rows)
    assert 'have no `sample_idx`' in fault(crd, without)


def test_a_temperature_that_overflows_is_refused():
    with pytest.raises(ValueError, match='must be at least 0.012, got 0.01'):
        CRDLoss(8, 8, num_samples=10, temperature=0.01)
