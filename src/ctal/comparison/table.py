"""The numbers of a comparison: mean and spread over seeds, Delta_m, as Markdown and as JSON."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ctal.measures import Measure
from ctal.metrics import delta_m


@dataclass(frozen=True)
class Row:
    """A network of a comparison, or the trivial predictor, which costs nothing.

    Attributes:
        name: what the row is called.
        network: the class of the network, in words.
        runs: the scores of each run, {"<task>/<metric>": number}.
        cost: "parameters", "gmacs", "latency_ms"; empty for the trivial predictor.
    """

    name: str
    network: str
    runs: Sequence[Mapping[str, float]]
    cost: Mapping[str, float]

    def mean(self) -> dict[str, float]:
        """The mean over runs of each score."""
        return {key: statistics.fmean(run[key] for run in self.runs) for key in self.runs[0]}

    def spread(self) -> dict[str, float]:
        """The standard deviation (of a sample, n - 1) of each score; empty for a single run."""
        if len(self.runs) < 2:
            return {}
        return {key: statistics.stdev([run[key] for run in self.runs]) for key in self.runs[0]}


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

    def gains(self, row: Row) -> tuple[float, float | None]:
        """Delta_m of a row, and its spread over runs if there are several."""
        each = [self.gain(run) for run in row.runs]
        return statistics.fmean(each), statistics.stdev(each) if len(each) > 1 else None

    def json(self) -> dict[str, Any]:
        """All numbers, shares in 0..1, as plain values; a score that does not exist is None."""
        rows = []
        for row in self.rows:
            gain, gain_spread = self.gains(row)
            content = {
                "name": row.name,
                "network": row.network,
                "runs": [dict(run) for run in row.runs],
                "mean": row.mean(),
                "spread": row.spread(),
                "delta_m": gain,
                "delta_m_spread": gain_spread,
                "delta_m_all_metrics": self.gain(row.mean(), all_metrics=True),
                **row.cost,
            }
            rows.append(_without_nan(content))
        return {"protocol": dict(self.protocol), "reference": self.rows[0].name, "rows": rows}

    def markdown(self) -> str:
        """The tables with their protocol."""
        lines = ["# Comparison", ""]
        lines += [f"- {heading}: {text}" for heading, text in self.protocol.items()]
        lines += ["", "## Gain and cost", "", *self._summary()]
        for task in dict.fromkeys(measure.task for measure in self.measures):
            measures = [measure for measure in self.measures if measure.task == task]
            head = ["network", *(measure.title() for measure in measures)]
            body = [[row.name, *(_score(row, m) for m in measures)] for row in self.rows]
            lines += ["", f"## {task}", "", *_table(head, body), ""]
            lines += [f"- {measure.metric}: {measure.meaning}" for measure in measures]
        return "\n".join(lines) + "\n"

    def _summary(self) -> list[str]:
        """Primary metrics, Delta_m and costs."""
        primary = [measure for measure in self.measures if measure.primary]
        head = ["network", *(f"{measure.task} {measure.title()}" for measure in primary)]
        head += ["Δm ↑ %", "parameters", "GMACs", "ms per picture"]
        body = []
        for row in self.rows:
            scores = [_score(row, measure) for measure in primary]
            body.append([row.name, *scores, self._gain(row), *self._costs(row)])
        return _table(head, body)

    def _gain(self, row: Row) -> str:
        if row is self.rows[0]:
            return "reference"
        gain, spread = self.gains(row)
        if math.isnan(gain):
            return "-"
        return f"{gain:+.2f}" + ("" if spread is None else f" ± {spread:.2f}")

    def _costs(self, row: Row) -> list[str]:
        if not row.cost:
            return ["", "", ""]
        latency = row.cost["latency_ms"]
        ratio = latency / self.rows[0].cost["latency_ms"]
        return [
            f"{row.cost['parameters']:,}",
            f"{row.cost['gmacs']:.3g}",
            f"{latency:.1f} (x {ratio:.2f})",
        ]


def _score(row: Row, measure: Measure) -> str:
    """Mean and, of several runs, spread."""
    value, spread = row.mean()[measure.key], row.spread().get(measure.key)
    if measure.share:
        return f"{100 * value:.2f}" + ("" if spread is None else f" ± {100 * spread:.2f}")
    return f"{value:.4g}" + ("" if spread is None else f" ± {spread:.2g}")


def _table(head: Sequence[str], body: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table whose columns line up as plain text too."""
    widths = [max(len(row[column]) for row in (head, *body)) for column in range(len(head))]
    # names to the left, numbers to the right
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    cells = [
        [row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]
        for row in (head, rule, *body)
    ]
    return [f"| {' | '.join(row)} |" for row in cells]


def _without_nan(value: Any) -> Any:
    """None for every number that is not one, since JSON has no word for it."""
    if isinstance(value, Mapping):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
