"""Samples that are in two splits, where a score would be too good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from ctal.data import DenseDataset
from ctal.data_commands.opening import DataSettings
from ctal.errors import one_line

_CHOICE = ("fraction", "seed", "names")  # arguments that choose samples among those that there are


def shared_samples(data: DataSettings, datasets: Mapping[str, DenseDataset]) -> str:
    """A line for each two splits that share samples, as far as their settings tell.

    They tell of two datasets with the same arguments but for those that choose samples; the same
    names in other folders are other samples.

    Args:
        data: the settings.
        datasets: the opened datasets, by split.
    """
    lines = []
    for one, other in combinations(datasets, 2):
        if _place(data.source(one)) == _place(data.source(other)):
            shared = sorted(_names(datasets[one]) & _names(datasets[other]))
            lines += [_line(one, other, shared)] if shared else []
    return "".join(f"{line}\n\n" for line in lines)


def _line(one: str, other: str, shared: Sequence[str]) -> str:
    return one_line(
        f"note: {one} and {other} share {len(shared)} samples, such as {shared[0]}; parts that "
        "meet share none if they have the same seed"
    )


def _place(source: Mapping[str, Any]) -> dict[str, Any]:
    arguments = source.get("init_args") or {}
    kept = {key: value for key, value in arguments.items() if key not in _CHOICE}
    return {"class_path": source.get("class_path"), "init_args": kept}


def _names(dataset: DenseDataset) -> set[str]:
    return {dataset.sample_name(index) for index in range(len(dataset))}
