"""`ctal compare`: complete all runs, collect their scores and write the tables."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from ctal.comparison.candidates import Candidate, Plan, candidates, check_same_data
from ctal.comparison.figure import comparison_figure
from ctal.comparison.pareto import save_pareto
from ctal.comparison.pool import complete
from ctal.comparison.protocol import definitions, protocol
from ctal.comparison.row import Row
from ctal.comparison.settings import (
    check_loadable,
    data_module,
    import_classes,
    scoring_protocol,
)
from ctal.comparison.table import Comparison
from ctal.comparison.trivial import trivial_row
from ctal.data import DenseDataModule
from ctal.data.labels import check_labels
from ctal.errors import InputError
from ctal.evaluation.metric_info import measures
from ctal.inference.devices import usable_device
from ctal.inference.loading import load
from ctal.inference.model import Model
from ctal.io.atomic import write_text
from ctal.io.lock import locked
from ctal.profiling import cost
from ctal.visualization.panels import save_png
from ctal.visualization.selection import evenly_spaced


def compare(
    configs: list[str],
    seeds: list[int] | None = None,
    output: str = "runs/compare",
    reference: str | None = None,
    overrides: list[str] | None = None,
    split: str = "test",
    images: int = 3,
    device: str = "cpu",
    parallel: int = 1,
    machine: list[str] | None = None,
) -> Comparison:
    """Train or load several networks on the same data, and compare them.

    Every configuration is trained with every seed into OUTPUT/<configuration>/seed<k>, and its best
    checkpoint on val is scored once, or its last if there is no val. Finished runs are read, and
    interrupted ones resumed. OUTPUT then holds comparison.md (also printed), comparison.json,
    figure.png (predictions and errors) and pareto.png (gain against cost).

    All configurations are built before the first training, so that an error in the last one is
    reported at once. Each run is a process with its output in log.txt of its folder. A failed run
    does not stop the others. Ctrl-C stops all; rerun the command to resume.

    Args:
        configs: configuration files, which are trained, and folders of runs that `ctal fit`
            finished, which are only scored; with several seeds, a folder of such folders. Rows have
            the names of files without ending, and of folders.
        seeds: the seeds to train each configuration with; 0 by default. With three or more, the
            table marks significant differences.
        output: the folder to write to.
        reference: the name of the row that Delta_m is relative to, which should be that of
            single-task networks; by default the first one.
        overrides: further settings for every `ctal fit`, such as trainer.max_epochs=5.
        split: the split to score on, "test" or "val"; choose "val" if there is no test split.
        images: the number of images in the figure.
        device: the device for latency and the figure; training has its own setting.
        parallel: the number of runs to train at once, on the same device unless configured. They
            share the processor's threads, or use OMP_NUM_THREADS each if that is set. Results do
            not depend on it; on a CPU they depend on the number of threads, in the last digits.
        machine: further settings of this machine that do not change the experiment, such as
            trainer.devices=1 model.compiled=default: runs that started with others are resumed.

    Raises:
        InputError: the networks cannot be compared, a run failed, or the output cannot be written.
        Interrupted: a signal stopped the comparison.
    """
    place = usable_device(device)  # before hours of training
    for key, number in (("images", images), ("parallel", parallel)):
        if number < 1:
            raise InputError(f"{key}: expected an integer >= 1, got {number}")
    plan = Plan(Path(output), seeds or [0], overrides or [], split, machine or [])
    found = candidates(configs, reference, plan)
    checked = check(found, split)
    train(found, plan, parallel)
    comparison = report(found, plan, *checked, images, place)
    sys.stdout.write(comparison.markdown())
    sys.stdout.flush()  # so that the next line is the last one where both streams are shown
    sys.stderr.write(f"{output}: wrote comparison.md, comparison.json, figure.png, pareto.png\n")
    return comparison


def report(
    found: Sequence[Candidate],
    plan: Plan,
    data: DenseDataModule,
    warnings: Mapping[str, str],
    images: int = 3,
    device: torch.device | str = "cpu",
) -> Comparison:
    """Compare candidates whose runs are complete, and write the tables and figures.

    Args:
        found: the candidates, after `check` and `train`.
        plan: the plan of the comparison.
        data: the data, of `check`.
        warnings: those of `check`.
        images: as in `compare`.
        device: as in `compare`.
    """
    place = torch.device(device)
    models = _models(found, place)
    settings = {candidate.name: candidate.settings() for candidate in found}
    trivial = trivial_row(data, plan.split, scoring_protocol(settings[found[0].name]))
    columns = measures(data.tasks)
    comparison = Comparison(
        rows=[*_rows(found, models), trivial],
        measures=columns,
        protocol={**warnings, **protocol(found, settings, plan.overrides, data, place)},
        definitions=definitions(found, data, columns),
    )
    _write(comparison, plan.output)
    scored = data.prepared(plan.split)
    samples = [scored[index] for index in evenly_spaced(len(scored), images)]
    figure = comparison_figure(data.tasks, samples, models)
    save_png(figure, plan.output / "figure.png")
    save_pareto(comparison, plan.output / "pareto.png")
    return comparison


def train(found: Sequence[Candidate], plan: Plan, parallel: int = 1) -> None:
    """Complete the runs of candidates, in the locked folder of the comparison.

    Raises:
        InputError: a run failed, or another command uses the folder.
        Interrupted: a signal stopped the runs.
    """
    runs = [run for candidate in found for run in candidate.runs]
    with locked(plan.output):
        for each in runs:
            each.check()  # another command may have started one meanwhile
        complete(runs, parallel)


def check(found: Sequence[Candidate], split: str) -> tuple[DenseDataModule, dict[str, str]]:
    """Check everything that can be checked before training; return the data, and warnings."""
    settings = {candidate.source: candidate.settings() for candidate in found}
    for source, content in settings.items():
        check_loadable(source, content)
    check_same_data(settings, split)
    data = data_module(settings[found[0].source])
    missing = check_labels(data, split)
    for sentence in missing:
        sys.stderr.write(f"warning: {sentence}\n")
    return data, {"warning": "; ".join(missing)} if missing else {}


def _models(found: Sequence[Candidate], device: torch.device) -> dict[str, Model]:
    """Load the network of each candidate's first seed."""
    for candidate in found:
        import_classes(candidate.settings())  # checkpoints name classes that must be imported
    models = {candidate.name: load(candidate.runs[0].folder, device) for candidate in found}
    (reference, first), *others = models.items()
    for name, model in others:
        if model.tasks != first.tasks:
            raise InputError(
                f"{name}: expected the tasks of {reference}, {first.tasks}, got {model.tasks}"
            )
    return models


def _rows(found: Sequence[Candidate], models: Mapping[str, Model]) -> list[Row]:
    networks = {name: model.network for name, model in models.items()}
    times = cost.latencies(networks)
    return [
        Row(
            candidate.name,
            type(networks[candidate.name]).__name__,
            [run.scores() for run in candidate.runs],
            {
                "parameters": cost.parameters(networks[candidate.name]),
                "gmacs": cost.gmacs(networks[candidate.name]),
                "latency_ms": times[candidate.name],
                **_mean([run.training_cost() for run in candidate.runs]),
            },
            [run.seed for run in candidate.runs],
        )
        for candidate in found
    ]


def _mean(costs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the means of the numbers that all runs have."""
    common = [key for key in costs[0] if all(key in cost for cost in costs)]
    return {key: statistics.fmean(cost[key] for cost in costs) for key in common}


def _write(comparison: Comparison, folder: Path) -> None:
    """Write the numbers and the tables."""
    text = json.dumps(comparison.json(), indent=2, allow_nan=False) + "\n"
    write_text(folder / "comparison.json", text)
    write_text(folder / "comparison.md", comparison.markdown())
