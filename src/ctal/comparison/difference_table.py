"""Differences between networks as a Markdown table."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from ctal.comparison.significance import CONFIDENCE, FEWEST_SEEDS, Difference, t_limit
from ctal.visualization.tables import aligned_table


def difference_lines(
    seeds: Mapping[str, int], bases: Mapping[str, Mapping[str, Difference]]
) -> list[str]:
    """Return a Markdown table of differences, with notes below it.

    Args:
        seeds: The number of seeds of each network, by its name.
        bases: The differences between each base and the networks, by the name of the base.
    """
    found = [difference for by_name in bases.values() for difference in by_name.values()]
    if not found:
        return [
            "The spread over seeds cannot be computed without at least two common seeds; train "
            "the configurations with more seeds (--seeds 0 1 2 3 4)."
        ]
    head = ["network", "seeds"]
    for name in bases:
        head += [f"over {name}", f"{100 * CONFIDENCE:.0f} % interval", "p"]
    body = []
    for name, number in seeds.items():
        cells = [cell for by_name in bases.values() for cell in _cells(by_name.get(name))]
        body.append([name, str(number), *cells])
    return [*aligned_table(head, body), "", *_notes(found)]


def _cells(difference: Difference | None) -> list[str]:
    if difference is None:
        return ["", "", ""]
    low, high = (difference.mean + sign * difference.half_width for sign in (-1, 1))
    p = f"{difference.corrected:.3f}" if difference.corrected >= 0.001 else "< 0.001"
    return [f"{difference.mean:+.2f}", f"{low:+.2f} .. {high:+.2f}", p]


def _notes(found: Sequence[Difference]) -> list[str]:
    fewest = min(difference.seeds for difference in found)
    width = statistics.median(difference.half_width for difference in found)
    few = [
        f"- fewer than {FEWEST_SEEDS} seeds: no difference is marked as significant, since one "
        "degree of freedom is too few to estimate the spread"
    ]
    return [
        f"- {fewest} seeds: an interval extends {t_limit(CONFIDENCE, fewest - 1):.1f} standard "
        f"errors to either side, here ± {width:.2f} (median); smaller differences cannot be "
        "distinguished from zero",
        "- assumption: differences are normally distributed, which so few seeds cannot verify",
        *(few if fewest < FEWEST_SEEDS else []),
    ]
