"""Cost of each part of a network, measured while it runs."""

from __future__ import annotations

import os
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile, record_function
from torch.utils.flop_counter import FlopCounterMode

from ctal.profiling.cost import REPEATS, WARM_UP

WHOLE = "total"
"""Key of the whole network among its parts."""

_LABEL = "ctal part: "


@dataclass(frozen=True)
class Cost:
    """Cost of a part, or of the whole network, for one image.

    Attributes:
        parameters: number of parameters, trainable or not.
        gmacs: multiply-adds of convolutions and matrix products, in 10^9.
        memory: peak of the bytes of activations while it ran, including those of earlier parts
            that later ones need.
        latency: median time, in milliseconds.
    """

    parameters: int
    gmacs: float
    memory: int
    latency: float


def part_costs(network: nn.Module, image_size: Sequence[int]) -> dict[str, Cost]:
    """Measure the cost of a network's parts, which are its direct children, and of the whole.

    Operations of the network between its parts count for the whole only. The cost of a list or
    dictionary of modules is that of its modules; a module that runs inside another part counts
    there.

    Args:
        network: maps (B, 3, H, W) to anything.
        image_size: (H, W).

    Returns:
        The cost by name of the child, in order, and of the whole last, under `WHOLE`.
    """
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    image = torch.rand(1, 3, *image_size, device=device)
    network.eval()
    parameters = _parameters(network)
    gmacs, latency = _multiply_adds(network, image), _latencies(network, image)
    memory = _memory(network, image)
    return {
        name: Cost(count, gmacs[name], memory[name], latency[name])
        for name, count in parameters.items()
    }


def _parameters(network: nn.Module) -> dict[str, int]:
    """Count each parameter once: a shared one for the first part that has it."""
    seen: set[Tensor] = set()
    counts = {}
    for name, part in network.named_children():
        own = set(part.parameters()) - seen
        seen |= own
        counts[name] = sum(parameter.numel() for parameter in own)
    return counts | {WHOLE: sum(parameter.numel() for parameter in network.parameters())}


@torch.no_grad()  # not inference_mode, under which composite operations are not counted
def _multiply_adds(network: nn.Module, image: Tensor) -> dict[str, float]:
    found: dict[str, float] = defaultdict(float)
    start = 0.0

    def enter(name: str) -> None:
        nonlocal start
        start = counter.get_total_flops()

    def leave(name: str) -> None:
        found[name] += (counter.get_total_flops() - start) / 2e9  # two for each multiply-add

    with FlopCounterMode(display=False) as counter, _watched(network, enter, leave):
        network(image)
    found[WHOLE] = counter.get_total_flops() / 2e9
    return found


@torch.inference_mode()
def _latencies(network: nn.Module, image: Tensor) -> dict[str, float]:
    seconds: dict[str, list[float]] = defaultdict(list)
    current: dict[str, float] = defaultdict(float)
    start = 0.0

    def now() -> float:
        if image.device.type != "cpu":
            torch.accelerator.synchronize()
        return time.perf_counter()

    def enter(name: str) -> None:
        nonlocal start
        start = now()

    def leave(name: str) -> None:
        current[name] += now() - start

    with _watched(network, enter, leave):
        for turn in range(WARM_UP + REPEATS):
            current.clear()
            begin = now()
            network(image)
            current[WHOLE] = now() - begin
            for name, value in current.items():
                seconds[name] += [value] if turn >= WARM_UP else []
    found = {name: 1e3 * statistics.median(values) for name, values in seconds.items()}
    return defaultdict(float, found)


@torch.inference_mode()
def _memory(network: nn.Module, image: Tensor) -> dict[str, int]:
    """Measure peaks of allocated memory with the profiler of torch."""
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # no messages about missing GPUs
    ranges: dict[str, Any] = {}

    def enter(name: str) -> None:
        ranges[name] = record_function(_LABEL + name)
        ranges[name].__enter__()

    def leave(name: str) -> None:
        ranges.pop(name).__exit__(None, None, None)

    activities = [ProfilerActivity.CPU]
    activities += [ProfilerActivity.CUDA] if image.device.type == "cuda" else []
    with (
        _watched(network, enter, leave),
        profile(activities=activities, profile_memory=True) as profiler,
        record_function(_LABEL + WHOLE),
    ):
        network(image)
    events = profiler.profiler.kineto_results.events()
    return _peaks(events, image.device.type)


def _peaks(events: Sequence[Any], device_type: str) -> dict[str, int]:
    """Return the largest running sum of allocations within the ranges of each label."""
    spans: dict[str, list[tuple[int, int]]] = defaultdict(list)
    changes = []
    for event in events:
        if event.name().startswith(_LABEL):
            end = event.start_ns() + event.duration_ns()
            spans[event.name().removeprefix(_LABEL)].append((event.start_ns(), end))
        elif event.name() == "[memory]" and event.device_type().name.lower() == device_type:
            changes.append((event.start_ns(), event.nbytes()))
    peaks: dict[str, int] = defaultdict(int)
    held = 0
    for moment, size in sorted(changes):
        held += size
        for name, times in spans.items():
            if any(start <= moment <= end for start, end in times):
                peaks[name] = max(peaks[name], held)
    return peaks


@contextmanager
def _watched(
    network: nn.Module, enter: Callable[[str], object], leave: Callable[[str], object]
) -> Iterator[None]:
    """Call `enter` and `leave` around the outermost modules that run in each part."""
    depth = 0

    def before(name: str) -> None:
        nonlocal depth
        depth += 1
        if depth == 1:
            enter(name)

    def after(name: str) -> None:
        nonlocal depth
        depth -= 1
        if depth == 0:
            leave(name)

    handles = []
    for name, part in network.named_children():
        for module in part.modules():
            first = module.register_forward_pre_hook(lambda *_, name=name: before(name))
            handles += [first, module.register_forward_hook(lambda *_, name=name: after(name))]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
