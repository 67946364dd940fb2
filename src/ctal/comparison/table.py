"""Tables of a comparison: mean, spread over seeds, Delta_m and significance."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ctal.comparison.difference_table import difference_lines
from ctal.comparison.plain_values import plain, without_nan
from ctal.comparison.row import Row, spread_of
from ctal.comparison.significance import Difference, differences
from ctal.evaluation.metric_info import Measure
from ctal.metrics import delta_m
from ctal.visualization.tables import aligned_table

OVER_REFERENCE, OVER_BEST = "*", "†"
"""Marks of a significant difference from the reference, and from the best network."""

_TRAINING = {
    "training_minutes": ("minutes of training", ".1f"),
    "training_mib": ("MiB of training", ",.0f"),
}
"""Titles and formats of the training costs, which not every run reports."""


@dataclass(frozen=True)
class Comparison:
    """Rows to compare; the first one is the reference.

    Attributes:
        rows: the rows; Delta_m is relative to the mean scores of the first one.
        measures: the columns.
        protocol: a description of how the numbers were obtained, by heading.
        definitions: the meaning of columns and marks, by heading.
    """

    rows: Sequence[Row]
    measures: Sequence[Measure]
    protocol: Mapping[str, str]
    definitions: Mapping[str, str] = field(default_factory=dict)

    def networks(self) -> list[Row]:
        """Return the rows without the trivial predictor."""
        return [row for row in self.rows if row.cost]

    def gain(self, scores: Mapping[str, float], *, all_metrics: bool = False) -> float:
        """Return Delta_m of scores in percent, or NaN where it is undefined.

        Args:
            scores: {"<task>/<metric>": number}.
            all_metrics: average over all metrics, as in some papers, instead of the primary metric
                of each task.
        """
        used = [measure for measure in self.measures if measure.primary or all_metrics]
        reference = self.rows[0].mean()
        if any(reference[measure.key] == 0 for measure in used):
            return math.nan  # no gain is relative to 0
        return delta_m(
            {measure.key: scores[measure.key] for measure in used},
            {measure.key: reference[measure.key] for measure in used},
            {measure.key: measure.higher_is_better for measure in used},
        )

    def gains(self, row: Row, *, all_metrics: bool = False) -> tuple[float, float | None]:
        """Return Delta_m of a row and its spread over runs, or None for a single run."""
        each = [self.gain(run, all_metrics=all_metrics) for run in row.runs]
        return statistics.fmean(each), spread_of(each) if len(each) > 1 else None

    def differences(self, base: Row) -> dict[str, Difference]:
        """Return the difference in Delta_m between each other network and `base`, by name."""
        gains = {
            # a row with unknown seeds has no pairs
            row.name: dict(zip(row.seeds, map(self.gain, row.runs), strict=False))
            for row in self.networks()
        }
        return differences(gains, base.name)

    def best(self) -> Row:
        """Return the network with the highest Delta_m."""
        gains = [(self.gains(row)[0], row) for row in self.networks()]
        known = [(gain, row) for gain, row in gains if not math.isnan(gain)]
        return max(known, key=lambda pair: pair[0])[1] if known else self.rows[0]

    def without_share(self) -> list[Measure]:
        """Return the measures without a relative gain: the reference has 0 or no score."""
        reference = self.rows[0].mean()
        return [m for m in self.measures if not reference[m.key] or math.isnan(reference[m.key])]

    def markdown(self) -> str:
        """Return the tables and the protocol as Markdown."""
        return _markdown(self)

    def json(self) -> dict[str, Any]:
        """Return all numbers, with shares in 0..1 and None for an undefined score."""
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
                "over_reference": plain(over_reference.get(row.name)),
                "over_best": plain(over_best.get(row.name)),
                **row.cost,
            }
            rows.append(without_nan(content))
        return {
            "protocol": {**self.protocol, **self.definitions},
            "reference": reference.name,
            "best": best.name,
            "rows": rows,
        }


def _markdown(comparison: Comparison) -> str:
    """Return the protocol, all tables and the definitions, which are longer than the rest."""
    lines = ["# Comparison", "", *_listed(comparison.protocol)]
    lines += ["", "## Gain and cost", "", *_summary(comparison)]
    if len(comparison.networks()) > 1:
        lines += ["", "## Differences in Δm over seeds", "", *_differences(comparison)]
    for task in dict.fromkeys(measure.task for measure in comparison.measures):
        measures = [measure for measure in comparison.measures if measure.task == task]
        head = ["network", *(measure.title() for measure in measures)]
        body = [[row.name, *(_score(row, m) for m in measures)] for row in comparison.rows]
        lines += ["", f"## {task}", "", *aligned_table(head, body), ""]
        lines += _listed({measure.metric: measure.meaning for measure in measures})
    if comparison.definitions:
        lines += ["", "## Definitions", "", *_listed(comparison.definitions)]
    return "\n".join(lines) + "\n"


def _listed(texts: Mapping[str, str]) -> list[str]:
    return [f"- {heading}: {text}" for heading, text in texts.items()]


def _summary(comparison: Comparison) -> list[str]:
    """Return the table of primary metrics, Delta_m and costs."""
    reference = comparison.rows[0]
    primary = [measure for measure in comparison.measures if measure.primary]
    head = ["network", *(f"{measure.task} {measure.title()}" for measure in primary)]
    head += ["Δm ↑ %", "Δm of all metrics ↑ %", "parameters", "GMACs", "ms per image"]
    networks = comparison.networks()
    training = [key for key in _TRAINING if all(key in row.cost for row in networks)]
    head += [_TRAINING[key][0] for key in training]
    over = {
        OVER_REFERENCE: comparison.differences(reference),
        OVER_BEST: comparison.differences(comparison.best()),
    }
    body = []
    for row in comparison.rows:
        marks = [mark for mark, by_name in over.items() if _is_significant(by_name.get(row.name))]
        gains = [" ".join([_gain(comparison.gains(row)), *marks])]
        gains += [_gain(comparison.gains(row, all_metrics=True))]
        if row is reference:
            gains = ["reference"] * 2
        scores = [_score(row, measure) for measure in primary]
        body.append([row.name, *scores, *gains, *_costs(row, reference, training)])
    lines = aligned_table(head, body)
    if missing := [measure.key for measure in comparison.without_share()]:
        lines += [
            "",
            f"- Δm is undefined (-) with {', '.join(missing)}: the score of {reference.name} is 0 "
            "or missing",
        ]
    return lines


def _is_significant(difference: Difference | None) -> bool:
    return difference is not None and difference.is_significant


def _gain(gain: tuple[float, float | None]) -> str:
    mean, spread = gain
    if math.isnan(mean):
        return "-"
    return f"{mean:+.2f}" + ("" if spread is None else f" ± {spread:.2f}")


def _costs(row: Row, reference: Row, training: Sequence[str]) -> list[str]:
    if not row.cost:
        return [""] * (3 + len(training))
    latency = row.cost["latency_ms"]
    ratio = latency / reference.cost["latency_ms"]
    return [
        f"{row.cost['parameters']:,}",
        f"{row.cost['gmacs']:.3g}",
        f"{latency:.1f} (x {ratio:.2f})",
        *(format(row.cost[key], _TRAINING[key][1]) for key in training),
    ]


def _differences(comparison: Comparison) -> list[str]:
    """Return the table of differences in Delta_m from the reference and from the best network."""
    bases = [comparison.rows[0], comparison.best()]
    return difference_lines(
        {row.name: len(row.seeds) for row in comparison.networks()},
        {row.name: comparison.differences(row) for row in bases},
    )


def _score(row: Row, measure: Measure) -> str:
    """Return the mean and, for several runs, the spread."""
    value, spread = row.mean()[measure.key], row.spread().get(measure.key)
    if measure.share:
        return f"{100 * value:.2f}" + ("" if spread is None else f" ± {100 * spread:.2f}")
    return f"{value:.4g}" + ("" if spread is None else f" ± {spread:.2g}")
