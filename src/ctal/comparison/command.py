"""The command: complete all runs, gather their numbers, write them down."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ctal.comparison import cost
from ctal.comparison.figure import comparison_figure
from ctal.comparison.runs import Run, configurations, data_module, import_classes
from ctal.comparison.table import Comparison, Row
from ctal.comparison.trivial import trivial_scores
from ctal.data import DenseDataModule
from ctal.data.loading import collate
from ctal.errors import InputError
from ctal.files import write_text
from ctal.inference import Model, load, usable_device
from ctal.measures import measures
from ctal.pictures import save_png


def compare(
    configs: list[str],
    seeds: list[int] | None = None,
    output: str = "runs/compare",
    reference: str | None = None,
    overrides: list[str] | None = None,
    split: str = "test",
    pictures: int = 3,
    device: str = "cpu",
) -> Comparison:
    """Trains or loads several networks on the same data, and compares them.

    Every configuration is trained with every seed into OUTPUT/<configuration>/seed<k>, and its best
    checkpoint on val is scored once. A run that is finished already is only read, one that was
    interrupted is resumed. OUTPUT then holds comparison.md (printed too), comparison.json and
    figure.png.

    Args:
        configs: configuration files; their stems name the rows.
        seeds: the seeds to train each with; 0 by default.
        output: the folder to write to.
        reference: the stem of the configuration that Delta_m is relative to, which should be that
            of single-task networks; by default the first one.
        overrides: further settings for every `ctal fit`, such as trainer.max_epochs=5.
        split: what to score on: "test", or "val" where there is no third split.
        pictures: the number of pictures in the figure.
        device: where to take the times and the figure's predictions; training chooses for itself.

    Raises:
        InputError: the configurations cannot be compared, or the output cannot be written.
    """
    place = usable_device(device)  # now, and not after hours of training
    if pictures < 1:
        raise InputError(f"pictures: expected a number from 1 on, got {pictures}")
    folder = Path(output)
    runs = {
        name: [
            Run(path, seed, folder / name / f"seed{seed}", overrides or [], split)
            for seed in dict.fromkeys(seeds or [0])
        ]
        for name, path in configurations(configs, reference, split).items()
    }
    scores = {name: [run.complete() for run in group] for name, group in runs.items()}
    for group in runs.values():
        import_classes(group[0].settings())  # of a run that was finished, nothing is loaded yet
    models = {name: load(group[0].folder, place) for name, group in runs.items()}
    _check_same_tasks(models)
    data = data_module(next(iter(runs.values()))[0].settings())
    trivial = trivial_scores(data.tasks, _batches(data, "train"), _batches(data, split))
    comparison = Comparison(
        rows=[*_rows(scores, models), Row("trivial", "constant maps", [trivial], {})],
        measures=measures(data.tasks),
        protocol=_protocol(runs, data, place),
    )
    samples = [data.prepared(split)[i] for i in _spread_out(len(data.prepared(split)), pictures)]
    _write(comparison, comparison_figure(data.tasks, samples, models), folder)
    return comparison


def _write(comparison: Comparison, figure: Tensor, folder: Path) -> None:
    """Writes the three files, and prints the table."""
    text = json.dumps(comparison.json(), indent=2, allow_nan=False) + "\n"
    write_text(folder / "comparison.json", text)
    write_text(folder / "comparison.md", comparison.markdown())
    save_png(figure, folder / "figure.png")
    sys.stdout.write(comparison.markdown())


def _rows(
    scores: Mapping[str, Sequence[Mapping[str, float]]], models: Mapping[str, Model]
) -> list[Row]:
    networks = {name: model.network for name, model in models.items()}
    times = cost.latencies(networks)
    return [
        Row(
            name,
            type(network).__name__,
            scores[name],
            {
                "parameters": cost.parameters(network),
                "gmacs": cost.gmacs(network),
                "latency_ms": times[name],
            },
        )
        for name, network in networks.items()
    ]


def _check_same_tasks(models: Mapping[str, Model]) -> None:
    (reference, first), *others = models.items()
    for name, model in others:
        if model.tasks != first.tasks:
            raise InputError(
                f"{name}: expected the tasks of {reference}, {first.tasks}, got {model.tasks}"
            )


def _batches(data: DenseDataModule, split: str) -> Iterator[dict[str, Any]]:
    """The samples of a split, resized and not augmented, one by one."""
    dataset = data.prepared(split)
    for index in range(len(dataset)):
        yield collate([dataset[index]], tasks=data.tasks)


def _spread_out(length: int, number: int) -> list[int]:
    """Up to `number` places in 0..length-1, as far from each other as they can be."""
    places: Tensor = torch.linspace(0, length - 1, min(number, length)).round()
    return [int(place) for place in places]


def _protocol(
    runs: Mapping[str, Sequence[Run]], data: DenseDataModule, device: torch.device
) -> dict[str, str]:
    """How the numbers came about."""
    first = next(iter(runs.values()))
    split, seeds = first[0].split, [run.seed for run in first]
    sets = [(name, dataset) for name, dataset in data.datasets.items() if dataset is not None]
    sizes = ", ".join(f"{name} {len(dataset)}" for name, dataset in sets)
    height, width = data.image_size
    lengths = {name: group[0].settings()["trainer"]["max_epochs"] for name, group in runs.items()}
    chosen = "best on val over all tasks together (val/score), of single-task networks too"
    return {
        "data": f"{type(sets[0][1]).__name__}, pictures of {height}x{width}: {sizes}",
        "scored on": f"{split}, each run once, with the checkpoint of the epoch that was {chosen}"
        + (", so a little in favour of every network" if split == "val" else ""),
        "epochs": ", ".join(f"{name} {epochs}" for name, epochs in lengths.items())
        + f"; batches of {data.batch_size}",
        "seeds": f"{', '.join(map(str, seeds))}"
        + ("; mean ± standard deviation over seeds (n - 1)" if len(seeds) > 1 else ""),
        "overrides": " ".join(first[0].overrides) or "none",
        "Δm": "mean over tasks of the relative gain in the primary metric over "
        f"{next(iter(runs))} (comparison.json has the mean over all metrics too)",
        "trivial": "one map for all pictures, made of the mean of the training labels",
        "cost": f"one picture of {height}x{width} per forward pass; convolutions and matrix "
        f"products; median of {cost.REPEATS} passes, networks taking turns, (x relative to the "
        "reference)",
        "machine": cost.machine(device),
    }
