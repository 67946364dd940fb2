"""Cost of a network: parameters, multiply-adds, latency."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from ctal.networks import Network

WARM_UP, REPEATS = 3, 15


def parameters(network: nn.Module) -> int:
    """Count all parameters, trainable or not."""
    return sum(parameter.numel() for parameter in network.parameters())


def gmacs(network: Network) -> float:
    """Count the multiply-adds of one image in evaluation mode, in 10^9.

    Convolutions and matrix products are counted, by torch, which counts a multiply-add as two
    operations.
    """
    # no_grad, not inference_mode, under which composite operations are not counted
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network.eval()(_image(network))
    return counter.get_total_flops() / 2 / 1e9


def latencies(networks: Mapping[str, Network]) -> dict[str, float]:
    """Measure the median latency of one image, in milliseconds, on the device of the networks.

    The networks run in turns, as in `run_latencies`.
    """
    return run_latencies(
        {name: (network.eval(), _image(network)) for name, network in networks.items()}
    )


@torch.inference_mode()
def run_latencies(
    runs: Mapping[str, tuple[Callable[[Tensor], object], Tensor]],
) -> dict[str, float]:
    """Measure the median time of calls, in milliseconds, by name.

    They run in turns, call by call, so that a slow phase of the machine affects all of them.

    Args:
        runs: functions and the images (B, 3, H, W) to call them with.
    """
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(WARM_UP + REPEATS):
        for name, (run, images) in runs.items():
            start = time.perf_counter()
            run(images)
            if images.device.type != "cpu":
                torch.accelerator.synchronize()
            if turn >= WARM_UP:
                seconds[name].append(time.perf_counter() - start)
    return {name: 1e3 * statistics.median(values) for name, values in seconds.items()}


def machine(device: torch.device) -> str:
    """Describe the machine on which times are measured."""
    threads = f"{torch.get_num_threads()} of {os.cpu_count()} CPU cores"
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else threads
    system = f"torch {torch.__version__}, Python {platform.python_version()}"
    return f"{_processor()}, {name}, {system}"


def _processor() -> str:
    """Return the name of the processor, which Linux has only in a file."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _image(network: Network) -> torch.Tensor:
    device = next(network.parameters()).device
    return torch.rand(1, 3, *network.image_size, device=device)
