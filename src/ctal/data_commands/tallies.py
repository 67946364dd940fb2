"""Additive statistics of the labelled pixels of a task."""

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
_STEPS = 2048
"""Steps of 0..1 for the fractions of numbers in a histogram; a power of two has half of them."""


class Tally(ABC):
    """Statistics of one task's maps, for one or more samples."""

    @abstractmethod
    def __add__(self, other: Self) -> Self:
        """Return the statistics of both."""

    @abstractmethod
    def span(self, task: Task) -> str:
        """Return the range of the values as a short text."""

    @abstractmethod
    def plain(self, task: Task) -> dict[str, Any]:
        """Return all statistics for JSON; shares are in 0..1."""


def tally(task: Task, values: NDArray[Any]) -> Tally:
    """Compute the statistics of labelled pixels.

    Args:
        task: The task of the values; its map type determines the statistics.
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
    """Return the names of the ids in a map of classes; the ids themselves if they have no names."""
    names: Sequence[str] | None
    names = getattr(task, "class_names", None) or getattr(task, "answers", None)
    return list(names or map(str, range(task.channels)))


@dataclass(frozen=True)
class ClassTally(Tally):
    """Number of pixels of each id, and of samples with this id; both (256,)."""

    pixels: NDArray[np.int64]
    samples: NDArray[np.int64]

    def __add__(self, other: Self) -> Self:
        """Return the statistics of both."""
        return type(self)(self.pixels + other.pixels, self.samples + other.samples)

    def span(self, task: Task) -> str:
        """Return the number of classes that occur."""
        return f"{np.count_nonzero(self.pixels)} of {len(answer_names(task))} classes"

    def plain(self, task: Task) -> dict[str, Any]:
        """Return the share of the labelled pixels and the number of samples for each class."""
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

    The values of the histogram are rounded to 11 binary digits, so quantiles are accurate to three
    decimal ones, and there are few values for any number of pixels.
    """

    values: NDArray[np.float64]
    counts: NDArray[np.int64]
    total: float
    low: float
    high: float

    def __add__(self, other: Self) -> Self:
        """Return the statistics of both."""
        values, place = np.unique(np.concatenate([self.values, other.values]), return_inverse=True)
        counts = np.zeros(len(values), np.int64)
        np.add.at(counts, place, np.concatenate([self.counts, other.counts]))
        low, high = min(self.low, other.low), max(self.high, other.high)
        return type(self)(values, counts, self.total + other.total, low, high)

    def span(self, task: Task) -> str:
        """Return the range in the task's unit."""
        return f"{self.low:.3g} to {self.high:.3g}" if self.counts.size else "none"

    def plain(self, task: Task) -> dict[str, Any]:
        """Return mean, range and quantiles."""
        if not self.counts.size:
            return {}
        reached = np.cumsum(self.counts)
        places = np.searchsorted(reached, np.multiply(QUANTILES, reached[-1]))
        return {
            "mean": float(self.total / reached[-1]),
            "min": float(self.low),
            "max": float(self.high),
            "quantiles": {
                f"{share:g}": float(np.clip(self.values[place], self.low, self.high))
                for share, place in zip(QUANTILES, places, strict=True)
            },
        }


@dataclass(frozen=True)
class VectorTally(Tally):
    """Sums and ranges of each component (C,), and the main directions of the vectors.

    Attributes:
        towards: (2C,): number of vectors whose largest component is c, negative at index 2c,
            positive at 2c + 1. Reveals a mirrored axis.
    """

    totals: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    towards: NDArray[np.int64]

    def __add__(self, other: Self) -> Self:
        """Return the statistics of both."""
        low, high = np.minimum(self.low, other.low), np.maximum(self.high, other.high)
        return type(self)(self.totals + other.totals, low, high, self.towards + other.towards)

    def span(self, task: Task) -> str:
        """Return the range of each component."""
        if not self.towards.any():
            return "none"
        ranges = zip(self._axes(), self.low, self.high, strict=True)
        return ", ".join(f"{axis} {low:.2f} to {high:.2f}" for axis, low, high in ranges)

    def plain(self, task: Task) -> dict[str, Any]:
        """Return the mean vector, its direction, and the shares of the main directions."""
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


def _histogram(numbers: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    fraction, exponent = np.frexp(numbers)
    return np.unique(np.ldexp(np.rint(_STEPS * fraction) / _STEPS, exponent), return_counts=True)
