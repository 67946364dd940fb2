"""Hand-computed directions of two least-squares losses with gradients (1, 0) and (-1, 1) at 0."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Trainer
from torch import Tensor, nn
from torch.utils.data import DataLoader

pytest.importorskip("torchjd", reason="the extra mtl is not installed")
import torchjd.aggregation as methods

from ctal.errors import InputError
from ctal.maps import ClassMap, DepthMap
from ctal.networks import CTALNet, SharedEncoderNet, SingleTaskNet
from ctal.tasks import Depth, SemanticSegmentation, Task
from ctal.training import MultiTaskModule
from ctal.weighting import UncertaintyWeighting
from ctal.weighting.gradients import GradientAggregation

TASKS: list[Task] = [SemanticSegmentation(2), Depth()]
GRADIENTS = torch.tensor([[1.0, 0.0], [-1.0, 1.0]])


def half_square(parameter: Tensor, gradient: Tensor) -> Tensor:
    """Return a least-squares loss of `parameter` with this gradient at 0."""
    return 0.5 * (parameter + gradient).square().sum()


def direction(make: Callable[[], nn.Module], gradients: Tensor = GRADIENTS) -> Tensor:
    shared = nn.Parameter(torch.zeros(gradients.shape[1]))
    weighting = GradientAggregation(TASKS, make)
    losses = [half_square(shared, gradient) for gradient in gradients]
    total = weighting(dict(zip(("semseg", "depth"), losses, strict=True)))
    weighting.backward(total, [shared])
    weighting.finish_gradients()
    assert shared.grad is not None
    return shared.grad


def cagrad_by_search(c: float) -> Tensor:
    """Compute the direction of CAGrad (equations 4 and 5 of its paper) by trying 100001 weights."""
    mean = GRADIENTS.double().mean(dim=0)
    share = torch.linspace(0, 1, 100001, dtype=torch.float64)[:, None]
    mixed = share * GRADIENTS[0] + (1 - share) * GRADIENTS[1]
    radius = c * mean.norm()
    best = mixed[(mixed @ mean + radius * mixed.norm(dim=1)).argmin()]
    return (mean + radius * best / best.norm()).float()


@pytest.mark.parametrize(
    ("make", "wanted"),
    [
        # each gradient without its part along the other, then the sum: (1/2, 1/2) + (0, 1)
        (methods.PCGrad, [0.5, 1.5]),
        # with two tasks the same projections, then their mean
        (methods.UPGrad, [0.25, 0.75]),
        # the shortest vector between the two: 3/5 of the first, 2/5 of the second
        (methods.MGDA, [0.2, 0.4]),
        (lambda: methods.CAGrad(c=0.5), cagrad_by_search(0.5).tolist()),
        (methods.Sum, [0.0, 1.0]),
    ],
)
def test_direction_by_hand(make: Callable[[], nn.Module], wanted: list[float]) -> None:
    torch.testing.assert_close(direction(make), torch.tensor(wanted), atol=5e-4, rtol=0)


def test_gradients_without_conflict_are_unchanged() -> None:
    agreeing = torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    torch.testing.assert_close(direction(methods.PCGrad, agreeing), torch.tensor([2.0, 1.0]))
    wanted = torch.tensor([1.0, 0.5])
    torch.testing.assert_close(direction(methods.UPGrad, agreeing), wanted, atol=5e-4, rtol=0)


def test_parameters_of_one_task_follow_its_gradient_only() -> None:
    shared, own, unused = (nn.Parameter(torch.zeros(2)) for _ in range(3))
    frozen = nn.Parameter(torch.zeros(2), requires_grad=False)
    first = half_square(shared, GRADIENTS[0]) + half_square(own + frozen, torch.tensor([3.0, 4.0]))
    weighting = GradientAggregation(TASKS, methods.MGDA)
    total = weighting({"semseg": first, "depth": half_square(shared, GRADIENTS[1])})
    weighting.backward(total, [shared, own, unused, frozen])
    weighting.finish_gradients()
    assert own.grad is not None
    assert own.grad.tolist() == [3, 4]
    assert unused.grad is None
    assert frozen.grad is None
    # and it is not among the combined gradients
    torch.testing.assert_close(shared.grad, torch.tensor([0.2, 0.4]))
    torch.testing.assert_close(weighting.weights, torch.tensor([0.6, 0.4]))


def test_the_mean_over_batches_is_combined() -> None:
    shared = nn.Parameter(torch.zeros(2))
    weighting = GradientAggregation(TASKS, methods.MGDA)
    # single batches would give zero, since the two gradients are opposite in both
    for sign in (1.0, -1.0):
        added = torch.tensor([3.0, -2.0]) * sign
        losses = [half_square(shared, gradient + added) for gradient in GRADIENTS]
        total = weighting(dict(zip(("semseg", "depth"), losses, strict=True)))
        weighting.backward(total / 2, [shared])
    weighting.finish_gradients()
    torch.testing.assert_close(shared.grad, torch.tensor([0.2, 0.4]))


def test_weights_of_both_kinds() -> None:
    with pytest.raises(InputError, match=r"either model\.weighting.* or model\.aggregator.*both"):
        MultiTaskModule(
            SharedEncoderNet(TASKS, "test_resnet", image_size=(32, 32)),
            weighting=UncertaintyWeighting,
            aggregator=methods.UPGrad,
        )


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (nn.Identity, r"torchjd\.aggregation.*got Identity"),
        (lambda: methods.CAGrad(c=-1.0), "c must be non-negative"),
        (lambda: methods.UPGrad(pref_vector=torch.ones(3)), r"UPGrad cannot .* 2 tasks \(.*3"),
        (methods.GradVac, r"nash_mtl\.NashMTL, got GradVac, whose state"),
    ],
)
def test_invalid_aggregators(make: Callable[[], nn.Module], named: str) -> None:
    with pytest.raises(InputError, match=r"^model\.aggregator: .*" + named):
        GradientAggregation(TASKS, make)


def make_batches(size: int = 2) -> list[dict[str, Tensor]]:
    generator = torch.Generator().manual_seed(0)
    return [
        {
            "image": torch.rand(size, 3, 32, 32, generator=generator),
            "semseg": ClassMap(torch.randint(0, 2, (size, 32, 32), generator=generator)),
            "depth": DepthMap(torch.rand(size, 1, 32, 32, generator=generator) + 1),
        }
        for _ in range(4)
    ]


def flat(network: nn.Module) -> Tensor:
    return torch.cat([p.detach().float().flatten() for p in network.parameters()])


def train(folder: Path, make: Callable[[], nn.Module] | None, **options: object) -> Tensor:
    """Return the change of all weights of a small network in the first step, as one vector."""
    torch.manual_seed(0)
    # the factorised form, a custom operator
    network = CTALNet(TASKS, "test_resnet", image_size=(32, 32), channels=8, method="factorised")
    start = flat(network)
    module = MultiTaskModule(
        network,
        task_weights={"depth": 3.0},
        aggregator=make,
        optimizer=lambda p: torch.optim.SGD(p, lr=0.01),
    )
    trainer = Trainer(
        max_steps=1,
        accelerator="cpu",
        default_root_dir=folder,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **options,  # type: ignore[arg-type]
    )
    trainer.fit(module, DataLoader(make_batches(), batch_size=None))  # type: ignore[arg-type]
    return flat(network) - start


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"gradient_clip_val": 0.1},
        {"accumulate_grad_batches": 2},
        {"precision": "bf16-mixed"},
        {"precision": "64-true"},
    ],
    ids=str,
)
def test_a_sum_equals_training_without_an_aggregator(
    tmp_path: Path, options: dict[str, object]
) -> None:
    without = train(tmp_path, None, **options)
    moved = train(tmp_path, methods.Sum, **options)
    tolerance = 0.02 if options.get("precision") == "bf16-mixed" else 1e-4
    assert (moved - without).norm() < tolerance * without.norm()
    # and the comparison distinguishes two methods
    moved = train(tmp_path, methods.MGDA, **options)
    assert (moved - without).norm() > 0.2 * without.norm()


@pytest.mark.parametrize("precision", ["16-mixed", "16-true", "bf16-true"])
def test_unsupported_precisions(tmp_path: Path, precision: str) -> None:
    trainer = Trainer(accelerator="cpu", default_root_dir=tmp_path, logger=False)
    plugin = trainer.strategy.precision_plugin
    plugin.precision = precision  # on a CPU, Lightning replaces the first one
    with pytest.raises(InputError, match=rf"trainer\.precision 32-true or .*, got {precision}"):
        GradientAggregation(TASKS, methods.UPGrad).check(trainer, torch.nn.Linear(1, 1))


def test_strategy_for_several_devices(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"one device, .* got 1 \(DDPStrategy\)"):
        train(tmp_path, methods.UPGrad, strategy="ddp")


def test_network_without_shared_parameters() -> None:
    module = MultiTaskModule(
        SingleTaskNet(TASKS, "test_resnet", image_size=(32, 32)), aggregator=methods.UPGrad
    )
    module.backward(module.training_step(make_batches()[0], 0))
    with pytest.raises(InputError, match=r"model\.aggregator: UPGrad .* this network has none"):
        module.weighting.finish_gradients()
