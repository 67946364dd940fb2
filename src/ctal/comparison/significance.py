"""Significance of differences between networks: paired t intervals, corrected by Holm.

The t distribution is implemented here, since no dependency of the package has it and scipy is
large. With an integer number of degrees of freedom, as given by a number of seeds, it is a finite
sum.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

CONFIDENCE = 0.95
FEWEST_SEEDS = 3
"""Fewest seeds for a significant difference. With two seeds the spread comes from one difference of
differences. In some tables it is close to zero by chance, which makes any gain significant."""


@dataclass(frozen=True)
class Difference:
    """Difference between two networks over seeds.

    Attributes:
        mean: the mean of the differences, percentage points of Delta_m.
        half_width: half of the 95 % confidence interval around it.
        p: the probability of a mean at least as far from 0 if there is no difference.
        corrected: p corrected by Holm's procedure over the rows of the table.
        seeds: the number of seeds that both networks were trained with.
    """

    mean: float
    half_width: float
    p: float
    corrected: float
    seeds: int

    @property
    def is_significant(self) -> bool:
        """Whether the corrected p is below 5 % with at least `FEWEST_SEEDS` seeds."""
        return self.seeds >= FEWEST_SEEDS and self.corrected < 1 - CONFIDENCE


def differences(gains: Mapping[str, Mapping[int, float]], base: str) -> dict[str, Difference]:
    """Return the differences between all networks and one of them.

    Differences are paired by seed: the same seed uses the same images in the same order with the
    same augmentation. The test is two-sided, with n - 1 degrees of freedom for n seeds.

    Args:
        gains: Delta_m of each run, {network: {seed: percent}}.
        base: the network to compare with.

    Returns:
        {network: difference} for all others that share at least two seeds with `base`.
    """
    found = {}
    for name, own in gains.items():
        common = [seed for seed in own if seed in gains[base]]
        paired = [own[seed] - gains[base][seed] for seed in common]
        if name != base and len(common) > 1 and all(map(math.isfinite, paired)):
            found[name] = _paired(paired)
    corrected = holm({name: difference.p for name, difference in found.items()})
    return {name: replace(found[name], corrected=p) for name, p in corrected.items()}


def _paired(values: Sequence[float]) -> Difference:
    mean, freedom = statistics.fmean(values), len(values) - 1
    error = statistics.stdev(values) / math.sqrt(len(values))
    # zero spread, as between runs of the same configuration: p is 0 or 1
    p = t_tails(mean / error, freedom) if error > 0 else float(mean == 0)
    return Difference(mean, t_limit(CONFIDENCE, freedom) * error, p, p, len(values))


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Correct p values for multiple comparisons (Holm, Scand. J. Stat. 6, 1979, 65-70).

    The smallest of n is multiplied by n, the next by n - 1, and so on. Corrected values do not
    decrease in this order and are at most 1.
    """
    corrected: dict[str, float] = {}
    largest = 0.0
    for rank, name in enumerate(sorted(p_values, key=lambda name: p_values[name])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[name]))
        corrected[name] = largest
    return {name: corrected[name] for name in p_values}


def t_tails(t: float, freedom: int) -> float:
    """Return P(|T| >= |t|) of Student's t distribution.

    Computed by the finite sums of Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3
    and 26.7.4, in theta = arctan(|t| / sqrt(freedom)). Exact up to rounding, so a p below 1e-15
    may be returned as 0.

    Args:
        t: the mean in units of its standard error.
        freedom: the degrees of freedom, an integer >= 1.
    """
    theta = math.atan(abs(t) / math.sqrt(freedom))
    sine, square = math.sin(theta), math.cos(theta) ** 2
    # even: 1 + 1/2 cos^2 + (1*3)/(2*4) cos^4 ...; odd: cos (1 + 2/3 cos^2 + (2*4)/(3*5) cos^4 ...)
    odd = freedom % 2
    term = math.cos(theta) if odd else 1.0
    total = 0.0
    for power in range(odd, freedom - 1, 2):
        total += term
        term *= square * (power + 1) / (power + 2)
    inside = 2 / math.pi * (theta + sine * total) if odd else sine * total
    return max(0.0, 1 - inside)


def t_limit(confidence: float, freedom: int) -> float:
    """Return the t with P(|T| < t) = confidence, found by bisection."""
    low, high = 0.0, 1.0
    while t_tails(high, freedom) > 1 - confidence:
        high *= 2
    for _ in range(80):  # halvings; a float has 53 bits
        middle = (low + high) / 2
        if t_tails(middle, freedom) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high
