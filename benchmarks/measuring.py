"""Shared functions of the benchmarks: time, memory, and peak performance of the machine."""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

Server = subprocess.Popen[str]
"""A process that answers each line of its input with a line of JSON."""


def median_seconds(run: Callable[[], object], repeats: int = 7, warm_up: int = 2) -> float:
    """Return the median time of a call in seconds."""
    seconds = []
    for turn in range(warm_up + repeats):
        start = time.perf_counter()
        run()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        if turn >= warm_up:
            seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def peak_memory() -> float:
    """Return the peak memory of this process in MiB."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    # not ru_maxrss, which a process inherits from its parent on Linux
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def versions(before: Path | None) -> dict[str, Path]:
    """Return the `src` folders to measure in turns: that of another version, and this one."""
    now = {"now": Path(__file__).parents[1] / "src"}
    return {"before": before.resolve(), **now} if before else now


def resident_memory() -> float:
    """Return the memory that this process has now, in MiB (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def allocated_memory(run: Callable[[], object]) -> float:
    """Return the most memory that torch allocates at once during a call, in MiB.

    Unlike the resident memory, it does not depend on what the C library keeps.
    """
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities, profile_memory=True) as profiler:
        run()
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder) / "trace.json"
        profiler.export_chrome_trace(str(trace))
        events = json.loads(trace.read_text())["traceEvents"]
    changes = sorted((e["ts"], e["args"]["Bytes"]) for e in events if e.get("name") == "[memory]")
    return max(accumulate(size for _, size in changes)) / 2**20


def run_benchmark(
    print_table: Callable[[bool], None],
    measure: Callable[..., dict[str, Any]],
    description: str | None,
    quick: str,
) -> None:
    """Run the command line of a benchmark that measures each case in a new process.

    Args:
        print_table: prints the table; with True, the short version of `--quick`.
        measure: measures one case, with the keys of the case as arguments.
        description: the description printed by `--help`.
        quick: the help text of `--quick`.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--case", type=json.loads, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case is None:
        print_table(arguments.quick)
    else:
        print(json.dumps(measure(**arguments.case)))


def in_own_process(module: str, case: dict[str, Any]) -> dict[str, Any]:
    """Run `python -m module --case '{...}'`, and return the JSON in its last line."""
    command = [sys.executable, "-m", module, "--case", json.dumps(case)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def start_server(module: str, source: Path, *arguments: str, threads: int = 1) -> Server:
    """Start `python -m module ARGUMENTS` with the package of a source folder; see `ask`."""
    environment = os.environ | {"PYTHONPATH": str(source), "OMP_NUM_THREADS": str(threads)}
    command, pipe = [sys.executable, "-m", module, *arguments], subprocess.PIPE
    return subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True)


def ask(process: Server, what: str = "") -> dict[str, Any]:
    """Send a line to a process of `start_server`, and return the JSON of its answer."""
    assert process.stdin
    assert process.stdout
    process.stdin.write(what + "\n")
    process.stdin.flush()
    answer: dict[str, Any] = json.loads(process.stdout.readline())
    return answer


def matrix_rate(dtype: torch.dtype) -> float:
    """Measure the peak rate of large matrix products in multiply-adds per second.

    It is the maximum over a square matrix product and a 3x3 convolution, which come from different
    libraries.
    """
    n, channels, height, width = 2048, 384, 72, 96
    a, b = torch.randn(n, n, dtype=dtype), torch.randn(n, n, dtype=dtype)
    x = torch.randn(1, channels, height, width, dtype=dtype)
    x = x.to(memory_format=torch.channels_last)
    kernel = torch.randn(channels, channels, 3, 3, dtype=dtype)
    with torch.no_grad():
        product = n**3 / median_seconds(lambda: a @ b)
        convolution = (
            9
            * channels**2
            * height
            * width
            / median_seconds(lambda: F.conv2d(x, kernel, padding=1))
        )
    return max(product, convolution)


def bandwidth() -> float:
    """Measure the bytes per second that a copy of a large tensor reads and writes."""
    source = torch.randn(64 << 20)
    target = torch.empty_like(source)
    return 2 * source.nbytes / median_seconds(lambda: target.copy_(source))


def print_row(*cells: object) -> None:
    """Print a row of a Markdown table."""
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def print_head(*cells: str) -> None:
    """Print the header of a Markdown table."""
    print_row(*cells)
    print_row(*["---"] * len(cells))
