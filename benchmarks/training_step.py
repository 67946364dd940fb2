"""Training step of every network: time, memory and lower bound of the time.

    python -m benchmarks.training_step [--quick]

NYUv2's tasks (13 classes, depth, normals) at 288x384, HRNet-W18-small-v2, batch 2: forward pass,
losses, backward pass and Adam. Every row is measured in a new process. Memory is the peak above
network and batch. The floor is a lower bound of the time: the counted multiply-adds of both passes
divided by the machine's peak rate of float32 matrix products.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.measuring import (
    in_own_process,
    matrix_rate,
    median_seconds,
    peak_memory,
    print_head,
    print_row,
    run_benchmark,
)
from ctal import networks
from ctal.networks.memory import set_memory_format
from ctal.profiling.cost import machine
from ctal.tasks import Depth, SemanticSegmentation, SurfaceNormals
from ctal.training import MultiTaskModule

IMAGE_SIZE, BATCH = (288, 384), 2
NETWORKS = ["SingleTaskNet", "SharedEncoderNet", "CTALNet", "MultiScaleCTALNet"]
QUICK = ["MultiScaleCTALNet"]
VARIANTS = {
    "float32": {"channels_last": False},
    "float32, channels last": {},
    "bfloat16 autocast, channels last": {"autocast": True},
}


def make_step(
    network: str, arguments: dict[str, Any], image_size: tuple[int, int] = IMAGE_SIZE
) -> tuple[MultiTaskModule, dict[str, Tensor]]:
    """Create a network in its training module, and a batch of random images and labels."""
    torch.manual_seed(0)
    tasks = [SemanticSegmentation(13), Depth(), SurfaceNormals()]
    module = MultiTaskModule(getattr(networks, network)(tasks, image_size=image_size, **arguments))
    batch = {
        "image": torch.rand(BATCH, 3, *image_size),
        "semseg": torch.randint(0, 13, (BATCH, *image_size)),
        "depth": torch.rand(BATCH, *image_size) + 1,
        "normals": F.normalize(torch.randn(BATCH, 3, *image_size), dim=1),
    }
    return module, batch


def measure(
    network: str,
    arguments: dict[str, Any],
    repeats: int,
    channels_last: bool = True,
    autocast: bool = False,
) -> dict[str, float]:
    """Return the seconds of a step, the MiB above network and batch, and the multiply-adds."""
    module, batch = make_step(network, arguments)  # in channels last
    if not channels_last:
        set_memory_format(module, torch.contiguous_format)
    seconds, memory = measure_step(module, batch, repeats, autocast=autocast)
    with FlopCounterMode(display=False) as counter:
        torch.autograd.backward(_loss(module, batch))
    return {"seconds": seconds, "memory": memory, "work": counter.get_total_flops() / 2}


def measure_step(
    module: MultiTaskModule, batch: dict[str, Tensor], repeats: int, *, autocast: bool = False
) -> tuple[float, float]:
    """Return the median seconds of a step and the MiB above network and batch."""
    optimizer = torch.optim.Adam(module.parameters())
    before = peak_memory()

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            loss = _loss(module, batch)
        torch.autograd.backward(loss)
        optimizer.step()

    seconds = median_seconds(step, repeats, warm_up=1)
    return seconds, peak_memory() - before


def _loss(module: MultiTaskModule, batch: dict[str, Tensor]) -> Tensor:
    return torch.stack([*module.losses(module(batch["image"]), batch).values()]).sum()


def print_table(quick: bool) -> None:
    """Print every network and variant; `quick`: only the one quoted in the documentation."""
    rate = matrix_rate(torch.float32)
    print(machine(torch.device("cpu")), f"{2e-9 * rate:.0f} GFLOP/s float32", sep=", ")
    print_head(
        *["network", "affinity", "variant", "s per step", "memory MiB", "GMACs"],
        *["floor s", "time / floor"],
    )
    for network in QUICK if quick else NETWORKS:
        forms = ["factorised", "dense"] if "CTAL" in network else [""]
        for form in forms:
            arguments = {"method": form} if form else {}
            # the published dense form in one variant only, since a step takes half a minute
            variants = dict(list(VARIANTS.items())[:1]) if form == "dense" else VARIANTS
            for name, options in variants.items():
                repeats = 1 if form == "dense" else 3
                case = {"network": network, "arguments": arguments, "repeats": repeats, **options}
                result = in_own_process("benchmarks.training_step", case)
                floor = result["work"] / rate
                counted = [f"{1e-9 * result['work']:.0f}", f"{floor:.2f}"]
                counted.append(f"{result['seconds'] / floor:.1f}")
                print_row(
                    *[network, form or "-", name, f"{result['seconds']:.2f}"],
                    f"{result['memory']:.0f}",
                    *(["-"] * 3 if form == "dense" else counted),
                )


def main() -> None:
    """Print the table, or the result of one case as JSON."""
    run_benchmark(print_table, measure, __doc__, quick="MultiScaleCTALNet only")


if __name__ == "__main__":
    main()
