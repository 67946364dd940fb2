"""Significance of differences between networks: paired t intervals, corrected by Holm.

The t distribution is written out here, since nothing that the package needs has it, and scipy is
large: with a whole number of degrees of freedom, which a number of seeds always gives, it is a
finite sum.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

CONFIDENCE = 0.95
FEWEST_SEEDS = 3
"""With two seeds the spread is that of a single difference of differences: by chance it is close to
zero in one table of many, which makes any gain significant."""


@dataclass(frozen=True)
class Difference:
    """The difference between two networks over seeds.

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
        """True if the corrected p is below 5 %, from at least `FEWEST_SEEDS` seeds."""
        return self.seeds >= FEWEST_SEEDS and self.corrected < 1 - CONFIDENCE


def differences(gains: Mapping[str, Mapping[int, float]], base: str) -> dict[str, Difference]:
    """Return the differences of all networks from one of them.

    Differences are paired by seed: the same seed uses the same images in the same order with the
    same augmentation. Two-sided, of Student's t with one degree of freedom less than seeds.

    Args:
        gains: Delta_m of each run, {network: {seed: percent}}.
        base: the network to compare with.

    Returns:
        {network: difference} of all others that have two or more seeds in common with `base`.
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
    # no spread at all, as between runs of the same configuration, leaves no doubt either way
    p = t_tails(mean / error, freedom) if error > 0 else float(mean == 0)
    return Difference(mean, t_limit(CONFIDENCE, freedom) * error, p, p, len(values))


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Probabilities p, corrected for their number (Holm, Scand. J. Stat. 6, 1979, 65-70).

    The smallest of n is multiplied by n, the next by n - 1 and so on; none falls below the one
    before it or rises above 1.
    """
    corrected: dict[str, float] = {}
    largest = 0.0
    for rank, name in enumerate(sorted(p_values, key=lambda name: p_values[name])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[name]))
        corrected[name] = largest
    return {name: corrected[name] for name in p_values}


def t_tails(t: float, freedom: int) -> float:
    """P(|T| >= |t|) of Student's t distribution.

    The finite sums of Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4,
    in theta = arctan(|t| / sqrt(freedom)). Exact to rounding, so a p below 1e-15 may come out as 0.

    Args:
        t: the mean in units of its standard error.
        freedom: degrees of freedom, 1 or more.
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
    """The t with P(|T| < t) = confidence, found by bisection."""
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
