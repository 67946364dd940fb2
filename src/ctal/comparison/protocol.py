"""Text description of a comparison's protocol, and of its columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from ctal.comparison.candidates import Candidate
from ctal.comparison.settings import differing, scoring_protocol
from ctal.comparison.significance import FEWEST_SEEDS
from ctal.comparison.table import OVER_BEST, OVER_REFERENCE
from ctal.data import DenseDataModule, DenseDataset, PreparedArrays
from ctal.evaluation.metric_info import Measure
from ctal.profiling import cost


def protocol(
    found: Sequence[Candidate],
    settings: Mapping[str, Mapping[str, Any]],
    overrides: Sequence[str],
    data: DenseDataModule,
    device: torch.device,
) -> dict[str, str]:
    """Return the lines above the tables, by heading.

    Args:
        found: the compared candidates, the reference first.
        settings: all settings of each candidate, by name.
        overrides: the settings given on the command line.
        data: the data shared by all candidates.
        device: the device on which latency was measured.
    """
    described = _data_and_training(found, settings, overrides, data)
    return {**described, "machine": cost.machine(device)}


def definitions(
    found: Sequence[Candidate], data: DenseDataModule, measures: Sequence[Measure]
) -> dict[str, str]:
    """Return the lines below the tables, by heading.

    Args:
        found: the compared candidates, the reference first.
        data: the data shared by all candidates.
        measures: the metrics.
    """
    height, width = data.image_size
    return {
        **_gains(found, measures),
        "trivial": "one constant map for all images, computed from the mean of the training labels",
        "cost": f"GMACs: convolutions and matrix products of a forward pass with one image of "
        f"{height}x{width}; latency: median of {cost.REPEATS} such passes, with networks "
        "interleaved (x relative to the reference); training: mean over runs of the wall-clock "
        "time (of parallel runs, while they shared the machine) and of the peak memory of tensors "
        "on a CUDA device",
    }


def _data_and_training(
    found: Sequence[Candidate],
    settings: Mapping[str, Mapping[str, Any]],
    overrides: Sequence[str],
    data: DenseDataModule,
) -> dict[str, str]:
    split = found[0].runs[0].split
    sets = [(name, dataset) for name, dataset in data.datasets.items() if dataset is not None]
    sizes = ", ".join(f"{name} {len(dataset)}" for name, dataset in sets)
    scoring = scoring_protocol(next(iter(settings.values()))).title()
    height, width = data.image_size
    lengths = [f"{name} {content['trainer']['max_epochs']}" for name, content in settings.items()]
    chosen = (
        "of the last epoch"
        if data.datasets["val"] is None
        else "of the epoch with the best val/score, which combines all tasks (also of single-task "
        "networks)"
    )
    return {
        "data": f"{_title(sets[0][1])}, images of {height}x{width}: {sizes}",
        "scored on": f"{split}, {scoring}, each run once, with the checkpoint {chosen}"
        + ("; scores on val are slightly optimistic, for all rows" if split == "val" else ""),
        "epochs": f"{', '.join(lengths)}; batches of {data.batch_size}",
        "seeds": _seeds(found),
        "overrides": " ".join(overrides) or "none",
        "settings that differ": ", ".join(differing(settings)) or "only those of the network",
    }


def _title(dataset: DenseDataset) -> str:
    """Return the class name of a dataset; for prepared arrays, that of their source."""
    source = dataset.source if isinstance(dataset, PreparedArrays) else None
    return source or type(dataset).__name__


def _seeds(found: Sequence[Candidate]) -> str:
    each = {candidate.name: [run.seed for run in candidate.runs] for candidate in found}
    first, *others = each.values()
    if all(seeds == first for seeds in others):
        text = ", ".join(map(str, first))
    else:
        rows = [f"{name} {', '.join(map(str, seeds))}" for name, seeds in each.items()]
        text = "; ".join(rows)
    several = any(len(seeds) > 1 for seeds in each.values())
    return text + ("; mean ± standard deviation over seeds (n - 1)" if several else "")


def _gains(found: Sequence[Candidate], measures: Sequence[Measure]) -> dict[str, str]:
    """Return the definitions of both variants of Delta_m and of the differences."""
    reference = found[0].name
    counts = {m.task: sum(other.task == m.task for other in measures) for m in measures}
    weights = ", ".join(f"{task} {count}" for task, count in counts.items())
    lines = {
        "Δm": f"mean over tasks of the relative gain in the primary metric over {reference} "
        "(Maninis et al., CVPR 2019), for each seed, relative to the mean of the reference "
        "over seeds; the spread of the reference itself is not included",
        "Δm of all metrics": "the same mean over all metrics of all tasks, equally weighted (as in "
        "Navon et al., ICML 2022), so the weight of a task is its number of metrics: "
        f"{weights}",
    }
    if sum(len(candidate.runs) > 1 for candidate in found) > 1:
        lines["differences"] = (
            "of Δm, in percentage points, from the reference and from the best network, paired by "
            "seed (the same images in the same order): mean, confidence interval (not corrected "
            "for multiple comparisons) and two-sided p of Student's t, corrected over the rows by "
            f"Holm's procedure; with p < 0.05 and at least {FEWEST_SEEDS} seeds, "
            f"{OVER_REFERENCE} marks a difference from the reference and {OVER_BEST} one from the "
            "best network, whose p are slightly too small, since it was chosen by the same numbers"
        )
    return lines
