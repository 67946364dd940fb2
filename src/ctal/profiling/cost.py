"""What a network costs: parameters, multiply-adds, time."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from ctal.networks import Network

WARM_UP, REPEATS = 3, 15


def parameters(network: Network) -> int:
    """Number of all parameters, trained or not."""
    return sum(parameter.numel() for parameter in network.parameters())


def gmacs(network: Network) -> float:
    """Multiply-adds of one picture in evaluation mode, in 10^9.

    Counted are convolutions and matrix products, as torch sees them; torch counts each multiply-add
    as two operations.
    """
    # no_grad and not inference_mode, under which composite operations escape the counter
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network.eval()(_picture(network))
    return counter.get_total_flops() / 2 / 1e9


def latencies(networks: Mapping[str, Network]) -> dict[str, float]:
    """Median time of one picture, milliseconds, on the device where the networks are.

    The networks take turns, as in `run_latencies`.
    """
    return run_latencies(
        {name: (network.eval(), _picture(network)) for name, network in networks.items()}
    )


@torch.inference_mode()
def run_latencies(
    runs: Mapping[str, tuple[Callable[[Tensor], object], Tensor]],
) -> dict[str, float]:
    """Median time of a call, milliseconds, by name.

    They take turns, call by call, so that a machine that slows down or is busy with something else
    for a while is so for all of them.

    Args:
        runs: what is called, and the pictures (B, 3, H, W) that it is called with.
    """
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(WARM_UP + REPEATS):
        for name, (run, pictures) in runs.items():
            start = time.perf_counter()
            run(pictures)
            if pictures.device.type != "cpu":
                torch.accelerator.synchronize()
            if turn >= WARM_UP:
                seconds[name].append(time.perf_counter() - start)
    return {name: 1e3 * statistics.median(values) for name, values in seconds.items()}


def machine(device: torch.device) -> str:
    """The machine that times were taken on, in words."""
    threads = f"{torch.get_num_threads()} of {os.cpu_count()} CPU cores"
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else threads
    system = f"torch {torch.__version__}, Python {platform.python_version()}"
    return f"{_processor()}, {name}, {system}"


def _processor() -> str:
    """The processor's name; Linux tells it only in a file."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _picture(network: Network) -> torch.Tensor:
    device = next(network.parameters()).device
    return torch.rand(1, 3, *network.image_size, device=device)
