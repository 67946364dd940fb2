"""Cross-task affinity, dense against factorised: time, memory and error in one run.

    python benchmarks/affinity.py [--threads N]

Each case runs in a process of its own, so that its peak memory is its own. Times are medians; the
two forms of a size are measured one after the other, so compare them with each other and not with
those of another day.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from typing import cast

import torch

from ctal.comparison.cost import machine
from ctal.functional import Method, cross_task_affinity, multiply_adds

CHANNELS, KERNEL = 128, 3
SIZES = [(16, 16), (24, 32), (48, 64), (72, 96)]
TASKS = [2, 3]


def make_inputs(tasks: int, size: tuple[int, int], dtype: torch.dtype) -> list[torch.Tensor]:
    """Random features, values, mixing weights and biases of one picture."""
    torch.manual_seed(0)
    pixels = size[0] * size[1]
    maps = (1, tasks, CHANNELS, *size)
    mixing = (tasks, pixels, tasks, KERNEL, KERNEL)
    shapes = [maps, maps, mixing, (tasks, pixels)]
    return [torch.randn(shape).mul(0.1).to(dtype).requires_grad_() for shape in shapes]


def measure(method: Method, tasks: int, size: tuple[int, int]) -> dict[str, float]:
    """Median times of both passes in s, peak memory above the process in MiB, relative error."""
    inputs, warm_up = (make_inputs(tasks, s, torch.float32) for s in (size, (4, 4)))
    torch.autograd.backward(cross_task_affinity(*warm_up, method=method).sum())
    before = _peak()
    forward, backward = [], []
    for _ in range(3):
        start = time.perf_counter()
        out = cross_task_affinity(*inputs, method=method)
        middle = time.perf_counter()
        torch.autograd.backward(out.sum())
        forward.append(middle - start)
        backward.append(time.perf_counter() - middle)
    return {
        "forward": statistics.median(forward),
        "backward": statistics.median(backward),
        "memory": _peak() - before,
        "error": relative_error(method, tasks, size),  # last, since it takes memory too
    }


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def relative_error(method: Method, tasks: int, size: tuple[int, int]) -> float:
    """Largest difference of float32 from float64, over the largest number of the latter."""
    with torch.no_grad():
        exact = cross_task_affinity(*make_inputs(tasks, size, torch.float64), method="factorised")
        rounded = cross_task_affinity(*make_inputs(tasks, size, torch.float32), method=method)
    return float((rounded - exact).abs().max() / exact.abs().max())


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--case", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.case:
        method, *numbers = arguments.case
        tasks, height, width = map(int, numbers)
        print(json.dumps(measure(cast(Method, method), tasks, (height, width))))
        return
    print(machine(torch.device("cpu")))
    print("| T | H x W | form | GMACs | forward s | backward s | memory MiB | error |")
    print("|---|---|---|---|---|---|---|---|")
    for tasks in TASKS:
        for size in SIZES:
            for method, work in multiply_adds((tasks, CHANNELS, *size), KERNEL).items():
                _print_row(method, tasks, size, work, arguments.threads)


def _print_row(method: str, tasks: int, size: tuple[int, int], work: int, threads: int) -> None:
    case = [method, str(tasks), *map(str, size)]
    command = [sys.executable, __file__, "--threads", str(threads), "--case", *case]
    result = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    print(
        f"| {tasks} | {size[0]}x{size[1]} | {method} | {work / 1e9:.2f} | {result['forward']:.3f} "
        f"| {result['backward']:.3f} | {result['memory']:.0f} | {result['error']:.1e} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
