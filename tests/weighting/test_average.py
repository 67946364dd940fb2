from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ctal.errors import InputError
from ctal.tasks import Depth, SemanticSegmentation, Task
from ctal.weighting import DynamicWeightAverage

TASKS: list[Task] = [SemanticSegmentation(2), Depth()]
# of epochs of two batches each: means (2, 4), (1, 4), (1, 1)
EPOCHS = [[(1.0, 3.0), (3.0, 5.0)], [(1.0, 4.0), (1.0, 4.0)], [(0.5, 2.0), (1.5, 0.0)]]


def weights_of(
    weighting: DynamicWeightAverage, epoch: int, losses: tuple[float, float]
) -> list[float]:
    weighting.start_batch(epoch)
    weighting({"semseg": torch.tensor(losses[0]), "depth": torch.tensor(losses[1])})
    assert weighting.weights is not None
    return weighting.weights.tolist()


def softmax(first: float, second: float) -> list[float]:
    """Return twice the softmax of two numbers."""
    parts = [math.exp(first), math.exp(second)]
    return [2 * part / sum(parts) for part in parts]


def test_weights_by_hand() -> None:
    weighting = DynamicWeightAverage(TASKS)
    seen = [weights_of(weighting, e, losses) for e, epoch in enumerate(EPOCHS) for losses in epoch]
    seen.append(weights_of(weighting, 3, (9.0, 9.0)))
    wanted = [[1, 1]] * 4 + [softmax(0.5 / 2, 1 / 2)] * 2 + [softmax(1 / 2, 0.25 / 2)]
    assert torch.tensor(seen).flatten().tolist() == pytest.approx(
        torch.tensor(wanted).flatten().tolist()
    )


def test_total_is_the_weighted_sum() -> None:
    weighting = DynamicWeightAverage(TASKS, temperature=0.5)
    for epoch, (losses, _) in enumerate(EPOCHS[:2]):
        weights_of(weighting, epoch, losses)
    weighting.start_batch(2)
    losses = {"semseg": torch.tensor(3.0, requires_grad=True), "depth": torch.tensor(5.0)}
    total = weighting(losses)
    first, second = softmax(1 / 0.5, (4 / 3) / 0.5)
    assert total.item() == pytest.approx(first * 3 + second * 5)
    total.backward()
    # weights have no gradient with respect to the losses
    assert losses["semseg"].grad is not None
    assert losses["semseg"].grad.item() == pytest.approx(first)


LOSS = st.just(0.0) | st.floats(1e-3, 100)


@given(
    losses=st.lists(st.tuples(LOSS, LOSS), min_size=3, max_size=3),
    temperature=st.floats(0.5, 10),
)
def test_weights_sum_to_the_number_of_tasks(
    losses: list[tuple[float, float]], temperature: float
) -> None:
    weighting = DynamicWeightAverage(TASKS, temperature)
    weights = [weights_of(weighting, epoch, pair) for epoch, pair in enumerate(losses)]
    assert [sum(pair) for pair in weights] == pytest.approx([2, 2, 2])


def test_a_task_without_loss_counts_as_constant() -> None:
    weighting = DynamicWeightAverage(TASKS)
    for epoch in range(2):
        weights_of(weighting, epoch, (0.0, 4.0 / (epoch + 1)))
    assert weights_of(weighting, 2, (0.0, 1.0)) == pytest.approx(softmax(1 / 2, 0.5 / 2))


@pytest.mark.parametrize("batches", range(1, 6))
def test_state_is_restored(batches: int) -> None:
    steps = [(epoch, losses) for epoch, pairs in enumerate(EPOCHS) for losses in pairs]
    steps.append((3, (1.0, 1.0)))
    whole, first, second = (DynamicWeightAverage(TASKS) for _ in range(3))
    wanted = [weights_of(whole, *step) for step in steps]
    for step in steps[:batches]:
        weights_of(first, *step)
    second.load_state_dict(first.state_dict())
    assert [weights_of(second, *step) for step in steps[batches:]] == wanted[batches:]


def test_temperature_of_zero() -> None:
    with pytest.raises(InputError, match=r"model\.weighting: .*temperature above 0, got 0"):
        DynamicWeightAverage(TASKS, temperature=0)


def test_sums_keep_their_precision_with_a_bfloat16_network() -> None:
    weighting = DynamicWeightAverage(TASKS).to(torch.bfloat16)
    for _ in range(600):
        weights_of(weighting, 0, (1.0, 2.0))
    weighting.start_batch(1)
    assert weighting.means[1].tolist() == [1.0, 2.0]
