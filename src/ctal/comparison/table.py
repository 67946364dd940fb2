"""The numbers of a comparison: mean and spread over seeds, Delta_m and what seeds say about it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ctal.comparison.markdown import markdown
from ctal.comparison.significance import Difference, differences
from ctal.evaluation.metric_info import Measure
from ctal.metrics import delta_m


@dataclass(frozen=True)
class Row:
    """A network of a comparison, or the trivial predictor, which costs nothing.

    Attributes:
        name: what the row is called.
        network: the class of the network, in words.
        runs: the scores of each run, {"<task>/<metric>": number}.
        cost: "parameters", "gmacs", "latency_ms"; where known, the mean over runs of
            "training_minutes" and "training_mib"; empty for the trivial predictor.
        seeds: the seed of each run; empty for the trivial predictor.
    """

    name: str
    network: str
    runs: Sequence[Mapping[str, float]]
    cost: Mapping[str, float]
    seeds: Sequence[int] = ()

    def mean(self) -> dict[str, float]:
        """The mean over runs of each score."""
        return {key: statistics.fmean(run[key] for run in self.runs) for key in self.runs[0]}

    def spread(self) -> dict[str, float]:
        """The standard deviation (of a sample, n - 1) of each score; empty for a single run."""
        if len(self.runs) < 2:
            return {}
        return {key: _spread([run[key] for run in self.runs]) for key in self.runs[0]}


@dataclass(frozen=True)
class Comparison:
    """Rows to compare, the first of which is the reference.

    Attributes:
        rows: the rows; Delta_m is relative to the mean scores of the first one.
        measures: the columns.
        protocol: how the numbers came about, in words, by heading.
    """

    rows: Sequence[Row]
    measures: Sequence[Measure]
    protocol: Mapping[str, str]

    def networks(self) -> list[Row]:
        """The rows without the trivial predictor."""
        return [row for row in self.rows if row.cost]

    def gain(self, scores: Mapping[str, float], *, all_metrics: bool = False) -> float:
        """Delta_m of scores, percent; NaN where it is not defined.

        Args:
            scores: {"<task>/<metric>": number}.
            all_metrics: the mean over all metrics, as some papers have it, in place of the mean
                over the tasks' primary ones.
        """
        used = [measure for measure in self.measures if measure.primary or all_metrics]
        reference = self.rows[0].mean()
        if any(reference[measure.key] == 0 for measure in used):
            return math.nan  # nothing is a share of it
        return delta_m(
            {measure.key: scores[measure.key] for measure in used},
            {measure.key: reference[measure.key] for measure in used},
            {measure.key: measure.higher_is_better for measure in used},
        )

    def gains(self, row: Row, *, all_metrics: bool = False) -> tuple[float, float | None]:
        """Delta_m of a row, and its spread over runs if there are several."""
        each = [self.gain(run, all_metrics=all_metrics) for run in row.runs]
        return statistics.fmean(each), _spread(each) if len(each) > 1 else None

    def differences(self, base: Row) -> dict[str, Difference]:
        """How far Delta_m of each other network is above that of `base`, by its name."""
        gains = {
            # a row whose seeds are not known has no pairs
            row.name: dict(zip(row.seeds, map(self.gain, row.runs), strict=False))
            for row in self.networks()
        }
        return differences(gains, base.name)

    def best(self) -> Row:
        """The network with the highest Delta_m."""
        gains = [(self.gains(row)[0], row) for row in self.networks()]
        known = [(gain, row) for gain, row in gains if not math.isnan(gain)]
        return max(known, key=lambda pair: pair[0])[1] if known else self.rows[0]

    def without_share(self) -> list[Measure]:
        """The measures of which no change can be told, since the reference has 0 or no score."""
        reference = self.rows[0].mean()
        return [m for m in self.measures if not reference[m.key] or math.isnan(reference[m.key])]

    def markdown(self) -> str:
        """The tables with their protocol."""
        return markdown(self)

    def json(self) -> dict[str, Any]:
        """All numbers, shares in 0..1, as plain values; a score that does not exist is None."""
        reference, best = self.rows[0], self.best()
        over_reference, over_best = self.differences(reference), self.differences(best)
        rows = []
        for row in self.rows:
            gain, gain_spread = self.gains(row)
            all_gain, all_spread = self.gains(row, all_metrics=True)
            content = {
                "name": row.name,
                "network": row.network,
                "seeds": list(row.seeds),
                "runs": [dict(run) for run in row.runs],
                "mean": row.mean(),
                "spread": row.spread(),
                "delta_m": gain,
                "delta_m_spread": gain_spread,
                "delta_m_all_metrics": all_gain,
                "delta_m_all_metrics_spread": all_spread,
                "over_reference": _plain(over_reference.get(row.name)),
                "over_best": _plain(over_best.get(row.name)),
                **row.cost,
            }
            rows.append(_without_nan(content))
        return {
            "protocol": dict(self.protocol),
            "reference": reference.name,
            "best": best.name,
            "rows": rows,
        }


def _spread(values: Sequence[float]) -> float:
    """The standard deviation; NaN where one value is, at which `statistics` would fail."""
    return statistics.stdev(values) if all(map(math.isfinite, values)) else math.nan


def _plain(difference: Difference | None) -> dict[str, float] | None:
    return None if difference is None else asdict(difference)


def _without_nan(value: Any) -> Any:
    """None for every number that is not one, since JSON has no word for it."""
    if isinstance(value, Mapping):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
