from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Trainer
from tests.own_network import OwnNet
from torch import Tensor, nn
from torch.utils.data import DataLoader

from ctal.errors import InputError
from ctal.maps import ClassMap, DepthMap
from ctal.networks import Predictions, SharedEncoderNet
from ctal.tasks import Depth, SemanticSegmentation, Task
from ctal.training import MultiTaskModule

TASKS: list[Task] = [SemanticSegmentation(2), Depth()]


class FixedNet(nn.Module):
    """Predict constant values: initial maps at 2 scales, and final maps."""

    def __init__(self) -> None:
        super().__init__()
        self.tasks = TASKS
        self.scale = nn.Parameter(torch.ones(()))

    def maps(self, images: Tensor, depth: float, logit: float) -> dict[str, Tensor]:
        one = torch.ones_like(images[:, :1]) * self.scale
        return {"semseg": torch.cat([one * logit, one * 0], 1), "depth": one * depth}

    def forward(self, images: Tensor) -> Predictions:
        initial = [self.maps(images, 5.0, 1.0), self.maps(images, 9.0, 3.0)]
        return Predictions(self.maps(images, 3.0, 2.0), initial)


def make_batch(size: int = 2, depth: float = 2.0, target: int = 0) -> dict[str, Tensor]:
    return {
        "image": torch.rand(size, 3, 4, 4),
        "semseg": ClassMap(torch.full((size, 4, 4), target)),
        "depth": DepthMap(torch.full((size, 1, 4, 4), depth)),
    }


def quiet_trainer(folder: Path, **options: object) -> Trainer:
    defaults: dict[str, object] = {
        "default_root_dir": folder,
        "accelerator": "cpu",
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
    }
    return Trainer(**{**defaults, **options})


def cross_entropy(logit: float) -> float:
    """Return the loss of class 0 with logits (logit, 0)."""
    return math.log(1 + math.exp(-logit))


def test_total_is_final_plus_mean_of_initial_losses() -> None:
    module = MultiTaskModule(FixedNet(), task_weights={"depth": 10.0})
    total = module.training_step(make_batch(), 0)
    # the loss of a constant depth is computed by the task
    depth = [Depth().loss(torch.full((2, 1, 4, 4), d), make_batch()["depth"]) for d in (3, 5, 9)]
    semseg = [cross_entropy(logit) for logit in (2.0, 1.0, 3.0)]
    wanted = 10 * (depth[0] + (depth[1] + depth[2]) / 2) + semseg[0] + (semseg[1] + semseg[2]) / 2
    assert total.item() == pytest.approx(float(wanted), rel=1e-6)


def test_network_without_initial_predictions() -> None:
    network = OwnNet(TASKS, channels=2)
    module = MultiTaskModule(network).eval()
    batch = make_batch()
    final = network(batch["image"]).final
    wanted = sum(task.loss(final[task.name], batch[task.name]) for task in TASKS)
    torch.testing.assert_close(module.training_step(batch, 0), wanted)


def test_unknown_task_weight() -> None:
    with pytest.raises(InputError, match=r"'depht'.*semseg, depth"):
        MultiTaskModule(FixedNet(), task_weights={"depht": 1.0})


@pytest.mark.parametrize("weight", [-1.0, math.nan, math.inf])
def test_invalid_weight(weight: float) -> None:
    with pytest.raises(InputError, match=r"model\.task_weights: .* for 'depth'"):
        MultiTaskModule(FixedNet(), task_weights={"depth": weight})


def test_a_compiled_network_does_not_support_an_aggregator() -> None:
    with pytest.raises(InputError, match=r"model\.compiled: not supported with an aggregator"):
        MultiTaskModule(FixedNet(), aggregator=nn.Identity, compiled="default")


def test_cuda_graphs_do_not_support_gradient_accumulation(tmp_path: Path) -> None:
    module = MultiTaskModule(FixedNet(), compiled="reduce-overhead")
    with pytest.raises(InputError, match=r"model\.compiled: .* accumulate_grad_batches above 1"):
        fit(tmp_path, module, accumulate_grad_batches=2)


def test_network_without_tasks() -> None:
    with pytest.raises(InputError, match=r"model\.network: .*`tasks`.* got Identity"):
        MultiTaskModule(torch.nn.Identity())


def test_batch_without_a_task() -> None:
    batch = make_batch()
    del batch["depth"]
    with pytest.raises(InputError, match=r"got no 'depth', only 'semseg'"):
        MultiTaskModule(FixedNet()).training_step(batch, 0)


def test_scores_are_computed_over_the_split_and_not_per_batch(tmp_path: Path) -> None:
    # 3 images with an error of 1, then 1 with an error of 2; classes correct, then wrong
    batches = [make_batch(3, 2.0, 0), make_batch(1, 5.0, 1)]
    prediction = Depth().decode(torch.full((1, 1, 1, 1), 3.0)).item()
    module = MultiTaskModule(FixedNet(), task_weights={"semseg": 0.5})
    trainer = quiet_trainer(tmp_path)
    loader = DataLoader(batches, batch_size=None)  # type: ignore[arg-type]
    logged = trainer.validate(module, loader, verbose=False)[0]
    error = (3 * abs(prediction - 2) + abs(prediction - 5)) / 4
    assert module.samples == 4
    assert module.scores["depth/abs_error"] == pytest.approx(error)
    assert module.scores["semseg/pixel_accuracy"] == pytest.approx(0.75)
    assert module.scores["semseg/miou"] == pytest.approx((0.75 + 0) / 2)
    assert logged["val/score"] == pytest.approx(math.sqrt(0.375 / error))
    task = Depth()
    depth = [task.loss(torch.full((1, 1, 4, 4), 3.0), b["depth"][:1]).item() for b in batches]
    semseg = [cross_entropy(2.0), cross_entropy(-2.0)]
    losses = [0.5 * s + d for s, d in zip(semseg, depth, strict=True)]
    assert logged["val/loss"] == pytest.approx((3 * losses[0] + losses[1]) / 4, rel=1e-5)
    # the state is cleared for the next epoch
    again = trainer.validate(module, loader, verbose=False)[0]
    assert again == logged
    assert module.samples == 4


def test_a_diverged_task_is_never_the_best(tmp_path: Path) -> None:
    class Diverged(FixedNet):
        def forward(self, images: Tensor) -> Predictions:
            return Predictions(self.maps(images, math.nan, 2.0), [])

    # the second batch has no depth, so it must not hide the errors of the first
    batches = [make_batch(), make_batch(depth=0.0, target=1)]
    loader = DataLoader(batches, batch_size=None)  # type: ignore[arg-type]
    logged = quiet_trainer(tmp_path).validate(MultiTaskModule(Diverged()), loader, verbose=False)[0]
    assert logged["val/semseg/miou"] == pytest.approx((0.5 + 0) / 2)
    assert math.isnan(logged["val/loss"])
    assert math.isnan(logged["val/score"])


def test_a_task_without_labels_is_excluded_from_the_score(tmp_path: Path) -> None:
    # with a single class, mIoU would be undefined
    batches = [make_batch(depth=0.0), make_batch(depth=0.0, target=1)]
    loader = DataLoader(batches, batch_size=None)  # type: ignore[arg-type]
    logged = quiet_trainer(tmp_path).validate(MultiTaskModule(FixedNet()), loader, verbose=False)[0]
    assert math.isnan(logged["val/depth/abs_error"])
    assert logged["val/score"] == pytest.approx((0.5 + 0) / 2)


def fit(tmp_path: Path, module: MultiTaskModule, **options: object) -> Trainer:
    torch.manual_seed(0)
    trainer = quiet_trainer(tmp_path, **options)
    batches = [make_batch(target=1), make_batch(target=1)]
    trainer.fit(
        module, DataLoader(batches, batch_size=None), DataLoader(batches[:1], batch_size=None)
    )  # type: ignore[arg-type]
    return trainer


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_overfits_a_batch(tmp_path: Path, precision: str) -> None:
    network = OwnNet(TASKS, channels=8)
    network.body[2].p = 0.0
    module = MultiTaskModule(network, optimizer=lambda p: torch.optim.Adam(p, lr=0.05))
    losses: list[Tensor] = []
    step = module.training_step

    def recorded(batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        losses.append(step(batch, batch_idx))
        return losses[-1]

    module.training_step = recorded  # type: ignore[method-assign]
    fit(tmp_path, module, max_epochs=30, precision=precision)
    assert all(loss.dtype == torch.float32 for loss in losses)
    assert losses[-1] < losses[0] / 4


def test_cosine_decreases_to_zero_by_steps(tmp_path: Path) -> None:
    module = MultiTaskModule(FixedNet(), optimizer=lambda p: torch.optim.SGD(p, lr=0.1))
    rates: list[float] = []
    step = module.on_train_batch_start

    def recorded(batch: dict[str, Tensor], batch_idx: int) -> None:
        rates.append(module.trainer.optimizers[0].param_groups[0]["lr"])
        step(batch, batch_idx)

    module.on_train_batch_start = recorded  # type: ignore[method-assign]
    trainer = fit(tmp_path, module, max_epochs=2)
    rates.append(trainer.optimizers[0].param_groups[0]["lr"])
    wanted = [0.05 * (1 + math.cos(math.pi * step / 4)) for step in range(5)]
    assert rates == pytest.approx(wanted)


def test_another_schedule_steps_by_epochs(tmp_path: Path) -> None:
    module = MultiTaskModule(
        FixedNet(),
        optimizer=lambda p: torch.optim.SGD(p, lr=1e-3),
        lr_scheduler=lambda o: torch.optim.lr_scheduler.ExponentialLR(o, 0.5),
    )
    trainer = fit(tmp_path, module, max_epochs=3)
    assert trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(1e-3 / 8)


def test_a_run_without_an_end_requires_a_schedule(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="max_epochs"):
        fit(tmp_path, MultiTaskModule(FixedNet()), max_epochs=-1)


def shared_encoder(**options: object) -> MultiTaskModule:
    arguments = {"encoder": "test_resnet", "image_size": (32, 32), **options}
    tasks = arguments.pop("tasks", TASKS)
    return MultiTaskModule(SharedEncoderNet(tasks, **arguments))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (shared_encoder(encoder="test_efficientnet"), r"SharedEncoderNet.*test_efficientnet"),
        (shared_encoder(tasks=TASKS[::-1]), "tasks"),
        (MultiTaskModule(OwnNet(TASKS, channels=2)), r"SharedEncoderNet.*OwnNet"),
    ],
)
def test_checkpoint_of_another_network(other: MultiTaskModule, named: str) -> None:
    module = shared_encoder()
    checkpoint = {"state_dict": module.state_dict()}
    module.on_save_checkpoint(checkpoint)
    module.on_load_checkpoint(dict(checkpoint))
    with pytest.raises(InputError, match=named):
        other.on_load_checkpoint(checkpoint)


def test_checkpoint_of_another_custom_network() -> None:
    checkpoint = {"state_dict": MultiTaskModule(OwnNet(TASKS, channels=2)).state_dict()}
    with pytest.raises(InputError, match=r"differ in network\.body"):
        MultiTaskModule(OwnNet(TASKS, channels=3)).on_load_checkpoint(checkpoint)
