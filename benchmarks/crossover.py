"""Crossover between the dense and factorised form, on which `method="auto"` is based.

    python -m benchmarks.crossover

Forward and backward pass for one image, a 3x3 window and task-specific mixing, with both forms
interleaved.
"""

import statistics

import torch

from benchmarks.affinity import FORMS, both_passes, make_inputs
from benchmarks.measuring import print_head, print_row
from ctal.factorised import cheaper_method
from ctal.profiling.cost import machine

SIZES = [(8, 8), (12, 16), (16, 16), (24, 32), (32, 32)]
CHANNELS, TASKS, ROUNDS = [32, 64, 128], [2, 3, 5], 7


def measure(tasks: int, channels: int, size: tuple[int, int]) -> list[float]:
    """Return the median milliseconds of the dense and of the factorised form."""
    inputs = make_inputs(tasks, size, torch.float32, channels)
    seconds: list[list[float]] = [[], []]
    for turn in range(ROUNDS + 1):
        for form, taken in zip(FORMS, seconds, strict=True):
            total = sum(both_passes(inputs, form))
            if turn:
                taken.append(total)
    return [1e3 * statistics.median(taken) for taken in seconds]


def main() -> None:
    """Print the table."""
    print(machine(torch.device("cpu")))
    print_head("T", "C", "H x W", "dense ms", "factorised ms", "auto takes", "lost by auto")
    for tasks in TASKS:
        for channels in CHANNELS:
            for size in SIZES:
                times = dict(zip(FORMS, measure(tasks, channels, size), strict=True))
                chosen = cheaper_method((tasks, channels, *size), 3)
                lost = times[chosen] / min(times.values()) - 1
                print_row(
                    *[tasks, channels, f"{size[0]}x{size[1]}"],
                    *[f"{times[form]:.1f}" for form in FORMS],
                    chosen,
                    f"{100 * lost:.0f} %" if lost > 0 else "-",
                )


if __name__ == "__main__":
    main()
