"""The factorised form of cross-task affinity, in turns with that of another version of ctal.

    git worktree add ../before COMMIT
    python -m benchmarks.affinity_before --before ../before/src

Forward and backward pass for one image of 72x96 pixels and a 3x3 window. Each version runs in its
own process with one thread, and the passes of both are interleaved. Times are processor time,
medians without the first turn. Memory is the most that torch allocates at once, without the inputs
and the gradient of the result. Errors are relative to float64: of the result, and the largest one
of the four gradients.
"""

import argparse
import json
import statistics
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measuring import allocated_memory, ask, print_head, print_row, start_server

if TYPE_CHECKING:
    import torch

MODULE = "benchmarks.affinity_before"
SIZE, KERNEL = (72, 96), 3
CASES: list[dict[str, Any]] = [
    {"tasks": 3, "channels": 128},
    {"tasks": 3, "channels": 64},
    {"tasks": 3, "channels": 128, "dtype": "bfloat16"},
    {"tasks": 3, "channels": 64, "dtype": "bfloat16"},
    {"tasks": 3, "channels": 128, "mixing": "shared"},
    {"tasks": 5, "channels": 128},
]


def make_inputs(
    tasks: int, channels: int, size: tuple[int, int], mixing: str
) -> "list[torch.Tensor]":
    """Create random features, values, mixing weights and biases of one image."""
    import torch

    generator = torch.Generator().manual_seed(0)
    M, P, maps = 1 if mixing == "shared" else tasks, size[0] * size[1], (1, tasks, channels, *size)
    shapes = [maps, maps, (M, P, tasks, KERNEL, KERNEL), (M, P)]
    return [torch.randn(s, generator=generator).mul_(0.1).requires_grad_() for s in shapes]


def both_passes(
    inputs: "list[torch.Tensor]", gradient: "torch.Tensor", dtype: str
) -> tuple[float, float]:
    """Return the processor time of the forward and of the backward pass."""
    import torch

    from ctal.functional import cross_task_affinity

    start = time.process_time()
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == "bfloat16"):
        out = cross_task_affinity(*inputs, method="factorised")
    middle = time.process_time()
    torch.autograd.grad(out, inputs, gradient)
    return middle - start, time.process_time() - middle


def errors(inputs: "list[torch.Tensor]", dtype: str) -> list[float]:
    """Return the relative error of the result, and the largest one of the gradients."""
    import torch

    from ctal.functional import cross_task_affinity

    direction = torch.randn(inputs[0].shape, generator=torch.Generator().manual_seed(1))

    def results(arguments: list[torch.Tensor], autocast: bool) -> list[torch.Tensor]:
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            out = cross_task_affinity(*arguments, method="factorised")
        return [out.detach(), *torch.autograd.grad(out, arguments, direction.to(out.dtype))]

    exact = results([x.detach().double().requires_grad_() for x in inputs], False)
    rounded = results(inputs, dtype == "bfloat16")
    each = [float((a.double() - b).norm() / b.norm()) for a, b in zip(rounded, exact, strict=True)]
    return [each[0], max(each[1:])]


def serve(tasks: int, channels: int, dtype: str = "float32", mixing: str = "own") -> None:
    """Run both passes for each line of standard input; after "rest", measure errors and memory."""
    import torch

    small, inputs = (make_inputs(tasks, channels, size, mixing) for size in ((4, 4), SIZE))
    kind = getattr(torch, dtype)
    both_passes(small, torch.ones_like(small[0], dtype=kind), dtype)
    gradient = torch.ones_like(inputs[0], dtype=kind)
    for line in sys.stdin:
        if line.strip() == "rest":
            memory = allocated_memory(lambda: both_passes(inputs, gradient, dtype))
            answer: dict[str, Any] = {"errors": errors(inputs, dtype), "memory": memory}
        else:
            answer = {"seconds": both_passes(inputs, gradient, dtype)}
        print(json.dumps(answer), flush=True)


def compare(case: dict[str, Any], sources: list[Path], turns: int, threads: int) -> list[Any]:
    """Return the median seconds of both passes, the peak memory and the errors by version."""
    serve_case = ("--serve", json.dumps(case))
    processes = [start_server(MODULE, source, *serve_case, threads=threads) for source in sources]
    try:
        taken = [[ask(process) for process in processes] for _ in range(turns + 1)]
        found = [ask(process, "rest") for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    columns = zip(*taken, strict=True)
    return [
        (
            [statistics.median(x["seconds"][i] for x in column[1:]) for i in range(2)],
            statistics.median(sum(x["seconds"]) for x in column[1:]),
            rest["memory"],
            rest["errors"],
        )
        for column, rest in zip(columns, found, strict=True)
    ]


def print_table(sources: list[Path], cases: list[dict[str, Any]], turns: int, threads: int) -> None:
    """Print a row for each case and version."""
    cost = import_module("ctal.profiling.cost")
    print(cost.machine(import_module("torch").device("cpu")))
    print_head(
        *["T", "C", "dtype", "mixing", "version", "forward ms", "backward ms", "before / this"],
        *["memory MiB", "before / this", "errors"],
    )
    for case in cases:
        found = compare(case, sources, turns, threads)
        for name, (passes, total, memory, error) in zip(("before", "now"), found, strict=True):
            print_row(
                *[case["tasks"], case["channels"], case.get("dtype", "float32")],
                *[case.get("mixing", "own"), name, *(f"{1e3 * x:.0f}" for x in passes)],
                *[f"{found[0][1] / total:.2f}", f"{memory:.0f}", f"{found[0][2] / memory:.2f}"],
                ", ".join(f"{x:.1e}" for x in error),
            )


def main() -> None:
    """Print the table, or run the process of one version."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--before", type=Path, help="src of the other version (default: this one)")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="3 tasks and 128 channels only")
    parser.add_argument("--serve", type=json.loads, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(**given.serve)
        return
    here = Path(__file__).parents[1] / "src"
    sources = [(given.before or here).resolve(), here]
    print_table(sources, CASES[:1] if given.quick else CASES, given.turns, given.threads)


if __name__ == "__main__":
    main()
