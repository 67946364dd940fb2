"""The numbers of a comparison for comparison.json."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ctal.comparison.significance import Difference
from ctal.comparison.table import Comparison


def plain_values(comparison: Comparison) -> dict[str, Any]:
    """Return all numbers of a comparison, shares in 0..1; a score that does not exist is None."""
    reference, best = comparison.rows[0], comparison.best()
    over_reference, over_best = comparison.differences(reference), comparison.differences(best)
    rows = []
    for row in comparison.rows:
        gain, gain_spread = comparison.gains(row)
        all_gain, all_spread = comparison.gains(row, all_metrics=True)
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
        "protocol": dict(comparison.protocol),
        "reference": reference.name,
        "best": best.name,
        "rows": rows,
    }


def _plain(difference: Difference | None) -> dict[str, float] | None:
    return None if difference is None else asdict(difference)


def _without_nan(value: Any) -> Any:
    """Replace every number that is not finite by None: JSON has no such numbers."""
    if isinstance(value, Mapping):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
