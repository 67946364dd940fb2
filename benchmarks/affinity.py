"""Cross-task affinity, dense and factorised: time, memory, rounding error and lower bound.

    python -m benchmarks.affinity [--quick]

Times of a size are measured in one process with both forms interleaved, so that changes of the
machine's load affect both. Memory is measured in one process per form, as the increase over its
start. All values are for one image, 128 channels, a 3x3 window and task-specific mixing, and for
both passes together unless stated otherwise. The floor is a lower bound of the time, the larger one
of two: counted multiply-adds divided by the machine's peak rate of matrix products, and bytes of
arguments, result and gradients divided by its bandwidth.
"""

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from benchmarks.measuring import (
    bandwidth,
    in_own_process,
    matrix_rate,
    median_seconds,
    peak_memory,
    print_head,
    print_row,
    run_benchmark,
)
from ctal.factorised import multiply_adds, passes
from ctal.functional import Method, cross_task_affinity
from ctal.profiling.cost import machine

CHANNELS, KERNEL = 128, 3
SIZES = [(16, 16), (24, 32), (48, 64), (72, 96), (128, 256), (256, 512)]
TASKS = [2, 3, 5]
FORMS: list[Method] = ["dense", "factorised"]
DENSE_PIXELS = 72 * 96  # above, the P x P maps of one image exceed the memory of most machines
GRADIENT_PIXELS = 72 * 96  # above, the float64 reference is too slow


def make_inputs(
    tasks: int, size: tuple[int, int], dtype: torch.dtype, channels: int = CHANNELS
) -> list[torch.Tensor]:
    """Create random features, values, mixing weights and biases for one image."""
    generator = torch.Generator().manual_seed(0)
    pixels = size[0] * size[1]
    maps = (1, tasks, channels, *size)
    shapes = [maps, maps, (tasks, pixels, tasks, KERNEL, KERNEL), (tasks, pixels)]
    return [torch.randn(s, generator=generator).mul(0.1).to(dtype).requires_grad_() for s in shapes]


def both_passes(inputs: list[torch.Tensor], method: Method) -> tuple[float, float]:
    """Return the seconds of the forward and of the backward pass."""
    start = time.perf_counter()
    out = cross_task_affinity(*inputs, method=method)
    middle = time.perf_counter()
    torch.autograd.grad(out, inputs, torch.ones_like(out))
    return middle - start, time.perf_counter() - middle


def measure_times(tasks: int, size: tuple[int, int], rounds: int) -> dict[str, Any]:
    """Return median seconds (forward, backward) per form; a round is 1 dense, 3 factorised."""
    inputs = make_inputs(tasks, size, torch.float32)
    forms = FORMS if size[0] * size[1] <= DENSE_PIXELS else FORMS[1:]
    turns = [form for form in forms for _ in range(3 if form == "factorised" else 1)]
    seconds: dict[str, list[tuple[float, float]]] = {form: [] for form in forms}
    for turn in range(rounds + 1):
        for form in turns:
            taken = both_passes(inputs, form)
            if turn or len(forms) == 1:  # the first round is the warm-up
                seconds[form].append(taken)
    return {
        form: [statistics.median(column) for column in zip(*taken, strict=True)]
        for form, taken in seconds.items()
    }


def measure_memory(tasks: int, size: tuple[int, int], form: Method) -> dict[str, Any]:
    """Return the peak memory of a forward and backward pass in MiB, without the inputs."""
    inputs = make_inputs(tasks, size, torch.float32)
    both_passes(make_inputs(tasks, (4, 4), torch.float32), form)
    before = peak_memory()
    both_passes(inputs, form)
    return {"memory": peak_memory() - before}


def measure_errors(tasks: int, size: tuple[int, int], form: Method) -> dict[str, Any]:
    """Return the relative error of each dtype: of the result, and the largest of 4 gradients.

    A relative error is the norm of the difference from float64, divided by the norm in float64.
    """
    with_gradients = size[0] * size[1] <= GRADIENT_PIXELS
    exact = _results(tasks, size, "factorised", torch.float64, False, with_gradients)
    errors = {}
    for name, autocast in [("float32", False), ("bfloat16", True)]:
        rounded = _results(tasks, size, form, torch.float32, autocast, with_gradients)
        each = [
            float((a.double() - b).norm() / b.norm()) for a, b in zip(rounded, exact, strict=True)
        ]
        errors[name] = [each[0], max(each[1:])] if with_gradients else each
    return errors


def _results(
    tasks: int,
    size: tuple[int, int],
    form: Method,
    dtype: torch.dtype,
    autocast: bool,
    with_gradients: bool,
) -> list[torch.Tensor]:
    inputs = make_inputs(tasks, size, dtype)
    with (
        torch.autocast("cpu", torch.bfloat16, enabled=autocast),
        torch.set_grad_enabled(with_gradients),
    ):
        out = cross_task_affinity(*inputs, method=form)
    if not with_gradients:
        return [out]
    direction = torch.randn(out.shape, generator=torch.Generator().manual_seed(1))
    return [out.detach(), *torch.autograd.grad(out, inputs, direction.to(out.dtype))]


def measure(what: str, **case: Any) -> dict[str, Any]:
    """Measure the times, memory or errors of one case."""
    measures: dict[str, Callable[..., dict[str, Any]]] = {
        "times": measure_times,
        "memory": measure_memory,
        "errors": measure_errors,
    }
    return measures[what](**case)


def print_bare_products(size: tuple[int, int] = (72, 96), tasks: int = 3) -> None:
    """Compare the factorised forward pass with only its two matrix products, in equal shapes."""
    pixels, maps = size[0] * size[1], tasks * CHANNELS
    inputs = [x.detach() for x in make_inputs(tasks, size, torch.float32)]
    V, X = torch.randn(9 * maps, pixels), torch.randn(pixels, maps)
    weighted, S = torch.randn(tasks, pixels, 9 * maps), torch.randn(tasks, 9 * maps, CHANNELS)
    with torch.no_grad():
        whole = median_seconds(lambda: passes.forward(*inputs))
        bare = median_seconds(lambda: (V @ X, weighted @ S))
    print(
        f"\nForward pass, {size[0]}x{size[1]}, {tasks} tasks: {1e3 * whole:.0f} ms; only its two "
        f"matrix products, by torch.matmul: {1e3 * bare:.0f} ms; ratio {whole / bare:.2f}\n"
    )


def print_growth(tasks: int = 3) -> None:
    """Print the time per pixel of the factorised form at three sizes, interleaved."""
    sizes = [(72, 96), (128, 256), (256, 512)]
    inputs = {size: make_inputs(tasks, size, torch.float32) for size in sizes}
    seconds: dict[tuple[int, int], list[float]] = {size: [] for size in sizes}
    for turn in range(5):
        for size in sizes:
            # more repeats of the small size, so that load changes affect all sizes equally
            count = 6 if size == sizes[0] else 1
            taken = [sum(both_passes(inputs[size], "factorised")) for _ in range(count)]
            if turn:
                seconds[size].append(statistics.median(taken) / (size[0] * size[1]))
    each = [
        f"{1e6 * statistics.median(taken):.1f} us at {size[0]}x{size[1]}"
        for size, taken in seconds.items()
    ]
    print(f"Factorised, {tasks} tasks, both passes, per pixel: {', '.join(each)}\n", flush=True)


def print_table(quick: bool) -> None:
    """Print all sizes; `quick`: only the one quoted in the documentation."""
    result_of = partial(in_own_process, "benchmarks.affinity")
    rate, bytes_per_second = matrix_rate(torch.float32), bandwidth()
    print(machine(torch.device("cpu")))
    print(f"{2e-9 * rate:.0f} GFLOP/s float32, {1e-9 * bytes_per_second:.0f} GB/s")
    print_bare_products()
    print_growth()
    print_head(
        *["T", "H x W", "form", "forward ms", "backward ms", "dense / this", "us per pixel"],
        *["memory MiB", "error float32", "error bfloat16", "floor ms", "time / floor"],
    )
    for tasks in [3] if quick else TASKS:
        for size in [(72, 96)] if quick else SIZES:
            pixels = size[0] * size[1]
            case = {"tasks": tasks, "size": size}
            rounds = 3 if pixels > 2000 else 7
            times = result_of({"what": "times", "rounds": rounds, **case})
            arguments = 4 * 2 * (3 * tasks * CHANNELS * pixels + 9 * tasks**2 * pixels)
            for form, (forward, backward) in times.items():
                # one forward pass, and twice as much for its gradients
                work = 3 * multiply_adds((tasks, CHANNELS, *size), KERNEL)[form]
                floor = max(work / rate, arguments / bytes_per_second)
                memory = result_of({"what": "memory", "form": form, **case})
                errors = result_of({"what": "errors", "form": form, **case})
                total = forward + backward
                print_row(
                    *[tasks, f"{size[0]}x{size[1]}", form],
                    *[f"{1e3 * forward:.1f}", f"{1e3 * backward:.1f}"],
                    f"{sum(times['dense']) / total:.1f}" if "dense" in times else "-",
                    f"{1e6 * total / pixels:.0f}",
                    f"{memory['memory']:.0f}",
                    *[
                        ", ".join(f"{e:.1e}" for e in errors[name])
                        for name in ("float32", "bfloat16")
                    ],
                    *[f"{1e3 * floor:.1f}", f"{total / floor:.1f}"],
                )


def main() -> None:
    """Print the table, or the result of one case as JSON."""
    run_benchmark(print_table, measure, __doc__, quick="72x96 and 3 tasks only")


if __name__ == "__main__":
    main()
