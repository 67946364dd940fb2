"""Row of a comparison: a network with the scores of its runs."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A network of a comparison, or the trivial predictor, which has no cost.

    Attributes:
        name: the name of the row.
        network: a description of the network's class.
        runs: the scores of each run, {"<task>/<metric>": number}.
        cost: "parameters", "gmacs", "latency_ms" and, where known, the mean over runs of
            "training_minutes" and "training_mib"; empty for the trivial predictor.
        seeds: the seed of each run; empty for the trivial predictor.
    """

    name: str
    network: str
    runs: Sequence[Mapping[str, float]]
    cost: Mapping[str, float]
    seeds: Sequence[int] = ()

    def mean(self) -> dict[str, float]:
        """Return the mean over runs of each score."""
        return {key: statistics.fmean(run[key] for run in self.runs) for key in self.runs[0]}

    def spread(self) -> dict[str, float]:
        """Return the sample standard deviation (n - 1) of each score; empty for a single run."""
        if len(self.runs) < 2:
            return {}
        return {key: spread_of([run[key] for run in self.runs]) for key in self.runs[0]}


def spread_of(values: Sequence[float]) -> float:
    """Return the standard deviation, or NaN if a value is not finite, as `statistics` raises."""
    return statistics.stdev(values) if all(map(math.isfinite, values)) else math.nan
