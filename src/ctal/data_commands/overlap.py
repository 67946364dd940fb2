"""Samples in two splits, which would make scores too optimistic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from ctal.data import DenseDataset
from ctal.data_commands.opening import DataSettings
from ctal.errors import counted, one_line

_CHOICE = ("fraction", "seed", "names")  # arguments that select samples


def shared_samples(data: DataSettings, datasets: Mapping[str, DenseDataset]) -> str:
    """Return a line for each pair of splits that share samples, judging by their settings.

    Only datasets whose arguments differ in nothing but the selection of samples are compared, since
    the same name in another folder is another sample.

    Args:
        data: The settings.
        datasets: The opened datasets, by split.
    """
    lines = []
    for one, other in combinations(datasets, 2):
        if _place(data.source(one)) == _place(data.source(other)):
            shared = sorted(_names(datasets[one]) & _names(datasets[other]))
            lines += [_line(one, other, shared)] if shared else []
    return "".join(f"{line}\n\n" for line in lines)


def _line(one: str, other: str, shared: Sequence[str]) -> str:
    return one_line(
        f"note: {one} and {other} share {counted(len(shared), 'sample')}, such as {shared[0]}; use "
        "fractions that do not overlap, with the same seed"
    )


def _place(source: Mapping[str, Any]) -> dict[str, Any]:
    arguments = source.get("init_args") or {}
    kept = {key: value for key, value in arguments.items() if key not in _CHOICE}
    return {"class_path": source.get("class_path"), "init_args": kept}


def _names(dataset: DenseDataset) -> set[str]:
    return {dataset.sample_name(index) for index in range(len(dataset))}
