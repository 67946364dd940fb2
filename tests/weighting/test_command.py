"""Every weighting through `ctal fit` and a real config."""

from __future__ import annotations

import importlib.abc
import re
import signal
import sys
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tests.cli.test_main import (
    assert_same_run,
    config,
    data,  # noqa: F401 - a fixture
    error_line,
    interrupting,
    place,  # noqa: F401 - a fixture that every test here uses
)

import ctal
from ctal.cli import main

PAGE = (Path(__file__).parents[2] / "docs" / "weighting.md").read_text()
WEIGHTINGS = {
    "uncertainty": "weighting: {class_path: ctal.weighting.UncertaintyWeighting}",
    "average": "weighting: {class_path: ctal.weighting.DynamicWeightAverage}",
    "random": "weighting: {class_path: ctal.weighting.RandomWeighting}",
    "pcgrad": "aggregator: {class_path: torchjd.aggregation.PCGrad}",
    "cagrad": "aggregator: {class_path: torchjd.aggregation.CAGrad, init_args: {c: 0.4}}",
    "nash_mtl": (
        "aggregator: {class_path: ctal.weighting.nash_mtl.NashMTL, init_args: {n_tasks: 3}}"
    ),
    "upgrad": "aggregator: {class_path: torchjd.aggregation.UPGrad}",
    "mgda": "aggregator: {class_path: torchjd.aggregation.MGDA}",
}


def weighted(name: str, network: str = "own_network") -> list[str]:
    """Return the config of a network with a weighting."""
    if WEIGHTINGS[name].startswith("aggregator"):
        pytest.importorskip("torchjd", reason="the extra mtl is not installed")
    if name == "nash_mtl":
        pytest.importorskip("ecos", reason="the solver of Nash-MTL is not installed")
    Path(f"{name}.yaml").write_text(f"model:\n  {WEIGHTINGS[name]}\n")
    return [*config(network), f"--config={name}.yaml"]


def weights_of(folder: str) -> dict[str, torch.Tensor]:
    content = torch.load(f"{folder}/checkpoints/last.ckpt", weights_only=True)
    return content["state_dict"]


# the third epoch is the first in which dynamic weights differ, and it ends at step 9
@pytest.mark.parametrize("name", WEIGHTINGS)
def test_a_resumed_run_equals_an_uninterrupted_one(name: str) -> None:
    short = ["--trainer.max_epochs=4", "--model.task_weights={depth: 2}"]
    command = ["fit", *weighted(name), *short]
    assert main([*command, *interrupting(signal.SIGINT, step=7)]) == 130
    resume = ["--ckpt_path=last", "--trainer.callbacks=null"]
    assert main(["fit", "--config=run/config.yaml", *resume]) == 0
    assert main([*command, "--trainer.default_root_dir=whole"]) == 0
    for kept in ("last", "best"):
        assert_same_run(*(Path(f"{run}/checkpoints/{kept}.ckpt") for run in ("run", "whole")))


@pytest.mark.parametrize("name", ["uncertainty", "upgrad"])
def test_ctal_network_trains_and_loads(name: str) -> None:
    assert main(["fit", *weighted(name, "ctal"), "--trainer.max_epochs=1"]) == 0
    assert main(["test", "--config=run/config.yaml"]) == 0
    predictions = ctal.load("run").predict("test/image/0.png")
    assert set(predictions) == {"semseg", "depth", "normals"}
    events = EventAccumulator("run")
    events.Reload()
    for task in predictions:
        logged = [event.value for event in events.Scalars(f"train/weight/{task}")]
        assert len(logged) == 3
        assert len(set(logged)) > 1


def test_log_variances_are_trained_by_the_optimizer() -> None:
    assert main(["fit", *weighted("uncertainty"), "--trainer.max_epochs=1"]) == 0
    moved = weights_of("run")["weighting.log_variances"].abs()
    # Adam changes weights by about the learning rate, 1e-3, which the cosine decreases over 3 steps
    assert ((moved > 1e-4) & (moved < 3e-3)).all()


AGGREGATOR = "--model.aggregator=torchjd.aggregation."


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (["--model.weighting=torch.nn.Linear"], r"model\.weighting: .*Linear.*Weighting"),
        (["--model.weighting=ctal.weighting.UncertaintyWeight"], "UncertaintyWeight'"),
        (
            [
                "--model.weighting=ctal.weighting.DynamicWeightAverage",
                "--model.weighting.temperature=0",
            ],
            r"model\.weighting: .*temperature above 0",
        ),
        (
            ["--model.weighting=ctal.weighting.RandomWeighting", AGGREGATOR + "UPGrad"],
            r"model\.aggregator: expected either .* got both",
        ),
        ([AGGREGATOR + "UPGard"], r"model\.aggregator: .*UPGard"),
        ([AGGREGATOR + "CAGrad"], r"model\.aggregator: .*required: c"),
        ([AGGREGATOR + "CAGrad", "--model.aggregator.c=-1"], r"model\.aggregator: c must"),
        (
            ["--model.aggregator=ctal.weighting.nash_mtl.NashMTL", "--model.aggregator.n_tasks=2"],
            r"model\.aggregator: NashMTL cannot combine the gradients of 3 tasks",
        ),
        ([AGGREGATOR + "NashMTL", "--model.aggregator.n_tasks=3"], r"got NashMTL, whose state"),
        ([AGGREGATOR + "GradVac"], r"model\.aggregator: .*got GradVac, whose state"),
        ([AGGREGATOR + "UPGrad", "--trainer.devices=2"], r"expected one device, .* got 2"),
        ([AGGREGATOR + "UPGrad", "--trainer.precision=bf16-true"], r"precision .* got bf16-true"),
    ],
)
def test_invalid_combinations(
    wrong: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torchjd", reason="the extra mtl is not installed")
    if "NashMTL" in named:
        pytest.importorskip("ecos", reason="the solver of Nash-MTL is not installed")
    line = error_line(["fit", *config("own_network"), *wrong], capsys)
    assert re.search(named, line), line
    assert not Path("run").exists()


def test_network_without_shared_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    line = error_line(["fit", *weighted("upgrad", "single_task")], capsys)
    assert re.search(r"model\.aggregator: UPGrad .* this network has none", line)
    assert not Path("run").exists()


def test_checkpoint_of_another_weighting(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", *weighted("random"), "--trainer.max_epochs=1"]) == 0
    resume = ["--ckpt_path=last", "--trainer.max_epochs=2"]
    line = error_line(["fit", *weighted("uncertainty"), *resume], capsys)
    assert (
        "expected a checkpoint trained with UncertaintyWeighting, got one with RandomWeighting"
        in line
    )
    line = error_line(["fit", *config("own_network"), *resume], capsys)
    assert "expected a checkpoint trained with EqualWeighting, got one with RandomWeighting" in line


class WithoutTorchJD(importlib.abc.MetaPathFinder):
    """Import finder that simulates a missing torchjd."""

    def find_spec(self, name: str, *_: object) -> None:
        if name.partition(".")[0] == "torchjd":
            raise ModuleNotFoundError("No module named 'torchjd'", name="torchjd")


@pytest.mark.parametrize("name", ["upgrad", "nash_mtl"])
def test_without_torchjd(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["fit", *weighted(name)]
    ours = ("torchjd", "ctal.weighting.gradients", "ctal.weighting.nash_mtl")
    for module in [module for module in sys.modules if module.startswith(ours)]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(sys, "meta_path", [WithoutTorchJD(), *sys.meta_path])
    line = error_line(command, capsys)
    assert "model.aggregator: No module named 'torchjd'" in line
    assert line.endswith("pip install 'ctal[mtl]'")


@pytest.mark.parametrize("section", [0, 1])
def test_configs_of_the_documentation(section: int) -> None:
    pytest.importorskip("torchjd", reason="the extra mtl is not installed")
    Path("weighting.yaml").write_text(re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[section])
    command = ["fit", *config("own_network"), "--config=weighting.yaml"]
    assert main([*command, "--trainer.max_epochs=1"]) == 0


def test_weighting_of_the_documentation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    monkeypatch.delitem(sys.modules, "my_weighting", raising=False)
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    Path("my_weighting.py").write_text(code)
    own = "--model.weighting=my_weighting.GeometricMean"
    assert main(["fit", *config("own_network"), own, "--trainer.max_epochs=1"]) == 0
