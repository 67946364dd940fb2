"""What the labelled pixels of a task hold, counted; the counts of parts add up to the whole's."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ctal.tasks import Task

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)

_IDS = 256
_LARGEST_HALF = float(np.finfo(np.float16).max)


class Tally(ABC):
    """The counts of one task's maps, of one sample or of many."""

    @abstractmethod
    def __add__(self, other: Self) -> Self:
        """The counts of both."""

    @abstractmethod
    def span(self, task: Task) -> str:
        """In a few words, between which values they lie."""

    @abstractmethod
    def plain(self, task: Task) -> dict[str, Any]:
        """All that is known of the values, for JSON; shares are of 1."""


def tally(task: Task, values: NDArray[Any]) -> Tally:
    """Counts labelled pixels.

    Args:
        task: the task whose values they are; what is counted follows from the type of its maps.
        values: (channels of the map, pixels).
    """
    if not task.map_type.value_type.is_floating_point:
        counts = np.bincount(values[0], minlength=_IDS)
        return ClassTally(counts, (counts > 0).astype(np.int64))
    values = values.astype(np.float64)
    low, high = values.min(axis=1, initial=np.inf), values.max(axis=1, initial=-np.inf)
    if len(values) == 1:
        return NumberTally(*_histogram(values[0]), values.sum(), low[0], high[0])
    leading = np.abs(values).argmax(axis=0)
    positive = values[leading, np.arange(values.shape[1])] > 0
    towards = np.bincount(2 * leading + positive, minlength=2 * len(values))
    return VectorTally(values.sum(axis=1), low, high, towards)


def answer_names(task: Task) -> list[str]:
    """What the ids in a map of classes stand for; the ids themselves where nobody says it."""
    names: Sequence[str] | None
    names = getattr(task, "class_names", None) or getattr(task, "answers", None)
    return list(names or map(str, range(task.channels)))


@dataclass(frozen=True)
class ClassTally(Tally):
    """Pixels of each id, and samples that have such pixels; both (256,)."""

    pixels: NDArray[np.int64]
    samples: NDArray[np.int64]

    def __add__(self, other: Self) -> Self:
        """The counts of both."""
        return type(self)(self.pixels + other.pixels, self.samples + other.samples)

    def span(self, task: Task) -> str:
        """How many of the classes occur."""
        return f"{np.count_nonzero(self.pixels)} of {len(answer_names(task))} classes"

    def plain(self, task: Task) -> dict[str, Any]:
        """For each class its share of the labelled pixels and the samples that have it."""
        total = max(1, int(self.pixels.sum()))
        return {
            "classes": [
                {
                    "id": index,
                    "name": name,
                    "pixels": float(self.pixels[index] / total),
                    "samples": int(self.samples[index]),
                }
                for index, name in enumerate(answer_names(task))
            ]
        }


@dataclass(frozen=True)
class NumberTally(Tally):
    """A histogram of numbers, with their sum and range.

    The values of the histogram are rounded to half precision, so that quantiles are right to
    three digits; there are at most 65,536 of them, however many pixels are counted.
    """

    values: NDArray[np.float16]
    counts: NDArray[np.int64]
    total: float
    low: float
    high: float

    def __add__(self, other: Self) -> Self:
        """The counts of both."""
        values, place = np.unique(np.concatenate([self.values, other.values]), return_inverse=True)
        counts = np.zeros(len(values), np.int64)
        np.add.at(counts, place, np.concatenate([self.counts, other.counts]))
        low, high = min(self.low, other.low), max(self.high, other.high)
        return type(self)(values, counts, self.total + other.total, low, high)

    def span(self, task: Task) -> str:
        """The range, in the task's unit."""
        return f"{self.low:.3g} to {self.high:.3g}" if self.counts.size else "none"

    def plain(self, task: Task) -> dict[str, Any]:
        """Mean, range and quantiles."""
        if not self.counts.size:
            return {}
        reached = np.cumsum(self.counts)
        places = np.searchsorted(reached, np.multiply(QUANTILES, reached[-1]))
        return {
            "mean": float(self.total / reached[-1]),
            "min": float(self.low),
            "max": float(self.high),
            "quantiles": {
                f"{share:g}": float(self.values[place])
                for share, place in zip(QUANTILES, places, strict=True)
            },
        }


@dataclass(frozen=True)
class VectorTally(Tally):
    """Sums and ranges of each component (C,), and where vectors point.

    Attributes:
        towards: (2C,): vectors whose largest component is the c-th, negative at 2c, positive at
            2c + 1. A mirrored axis shows here at once.
    """

    totals: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    towards: NDArray[np.int64]

    def __add__(self, other: Self) -> Self:
        """The counts of both."""
        low, high = np.minimum(self.low, other.low), np.maximum(self.high, other.high)
        return type(self)(self.totals + other.totals, low, high, self.towards + other.towards)

    def span(self, task: Task) -> str:
        """The range of each component."""
        if not self.towards.any():
            return "none"
        ranges = zip(self._axes(), self.low, self.high, strict=True)
        return ", ".join(f"{axis} {low:.2f} to {high:.2f}" for axis, low, high in ranges)

    def plain(self, task: Task) -> dict[str, Any]:
        """The mean vector, its direction, and the shares of the main directions."""
        count = int(self.towards.sum())
        if count == 0:
            return {}
        mean = self.totals / count
        length = float(np.linalg.norm(mean))
        signed = [f"{sign}{axis}" for axis in self._axes() for sign in "-+"]
        return {
            "mean": mean.tolist(),
            "mean_direction": (mean / max(length, 1e-12)).tolist(),
            "towards": dict(zip(signed, (self.towards / count).tolist(), strict=True)),
        }

    def _axes(self) -> list[str]:
        count = len(self.totals)
        return list("xyz") if count == 3 else [str(index) for index in range(count)]


def _histogram(numbers: NDArray[np.float64]) -> tuple[NDArray[np.float16], NDArray[np.int64]]:
    halves = np.clip(numbers, -_LARGEST_HALF, _LARGEST_HALF).astype(np.float16)
    return np.unique(halves, return_counts=True)
