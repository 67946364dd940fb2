"""The tables of a comparison as Markdown, which also reads well as plain text."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ctal.comparison.significance import CONFIDENCE, Difference, t_limit
from ctal.evaluation.metric_info import Measure
from ctal.visualization.tables import aligned_table

if TYPE_CHECKING:
    from ctal.comparison.table import Comparison, Row

OVER_REFERENCE, OVER_BEST = "*", "†"
"""What marks a Delta_m that differs from that of the reference, and of the best network."""

_TRAINING = {
    "training_minutes": ("minutes of training", ".1f"),
    "training_mib": ("MiB of training", ",.0f"),
}
"""Titles and forms of what the trainings took, which not every run tells."""


def markdown(comparison: Comparison) -> str:
    """All tables with their protocol."""
    lines = ["# Comparison", ""]
    lines += [f"- {heading}: {text}" for heading, text in comparison.protocol.items()]
    lines += ["", "## Gain and cost", "", *_summary(comparison)]
    if len(comparison.networks()) > 1:
        lines += ["", "## Differences in Δm over seeds", "", *_differences(comparison)]
    for task in dict.fromkeys(measure.task for measure in comparison.measures):
        measures = [measure for measure in comparison.measures if measure.task == task]
        head = ["network", *(measure.title() for measure in measures)]
        body = [[row.name, *(_score(row, m) for m in measures)] for row in comparison.rows]
        lines += ["", f"## {task}", "", *aligned_table(head, body), ""]
        lines += [f"- {measure.metric}: {measure.meaning}" for measure in measures]
    return "\n".join(lines) + "\n"


def _summary(comparison: Comparison) -> list[str]:
    """Primary metrics, Delta_m and costs."""
    reference = comparison.rows[0]
    primary = [measure for measure in comparison.measures if measure.primary]
    head = ["network", *(f"{measure.task} {measure.title()}" for measure in primary)]
    head += ["Δm ↑ %", "Δm of all metrics ↑ %", "parameters", "GMACs", "ms per picture"]
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
            f"- no Δm (-) with {', '.join(missing)}: {reference.name} has 0 or no score there, of "
            "which no change is a share",
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
    """Delta_m of each network over that of the reference and of the best one, with its interval."""
    bases = {
        row.name: comparison.differences(row) for row in (comparison.rows[0], comparison.best())
    }
    found = [difference for by_name in bases.values() for difference in by_name.values()]
    if not found:
        return [
            "Without two seeds in common, whether a difference is more than chance cannot be told: "
            "the spread over seeds is not known. Train with more of them (--seeds 0 1 2 3 4)."
        ]
    head = ["network", "seeds"]
    for name in bases:
        head += [f"over {name}", f"{100 * CONFIDENCE:.0f} % interval", "p"]
    body = []
    for row in comparison.networks():
        cells = [cell for by_name in bases.values() for cell in _interval(by_name.get(row.name))]
        body.append([row.name, str(len(row.seeds)), *cells])
    return [*aligned_table(head, body), "", *_what_cannot_be_told(found)]


def _interval(difference: Difference | None) -> list[str]:
    if difference is None:
        return ["", "", ""]
    low, high = (difference.mean + sign * difference.half_width for sign in (-1, 1))
    p = f"{difference.corrected:.3f}" if difference.corrected >= 0.001 else "< 0.001"
    return [f"{difference.mean:+.2f}", f"{low:+.2f} .. {high:+.2f}", p]


def _what_cannot_be_told(found: Sequence[Difference]) -> list[str]:
    fewest = min(difference.seeds for difference in found)
    width = statistics.median(difference.half_width for difference in found)
    return [
        f"- {fewest} seeds: an interval reaches {t_limit(CONFIDENCE, fewest - 1):.1f} standard "
        f"errors to either side, here ± {width:.2f} (median); a smaller difference cannot be told "
        "from none",
        "- taken for granted, since so few seeds cannot show it: differences are normally "
        "distributed",
    ]


def _score(row: Row, measure: Measure) -> str:
    """Mean and, of several runs, spread."""
    value, spread = row.mean()[measure.key], row.spread().get(measure.key)
    if measure.share:
        return f"{100 * value:.2f}" + ("" if spread is None else f" ± {100 * spread:.2f}")
    return f"{value:.4g}" + ("" if spread is None else f" ± {spread:.2g}")
