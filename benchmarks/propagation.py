"""Training step of PAP-Net: propagation in linear time compared with all pairs of pixels.

    python -m benchmarks.propagation [--quick]

NYUv2's tasks at 288x384, HRNet-W18-small-v2, batch 2, float32: forward pass, losses, backward pass
and Adam. "all pairs" divides signed cosines by the sum of their absolute values, the previous
PAP-Net of this package. Its rows of P cosines are computed in blocks and recomputed in the backward
pass. "none" omits the propagation, which gives the cost of the rest of the network. Each step is
measured in a new process, and the variants are interleaved, so that a slower machine affects all of
them. Memory is the peak above network and batch.
"""

from __future__ import annotations

import statistics
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from benchmarks.measuring import in_own_process, print_head, print_row, run_benchmark
from benchmarks.training_step import IMAGE_SIZE, make_step, measure_step
from ctal.networks.propagation import Propagation

ROUNDS, QUICK_SIZE = 3, (128, 160)
_ROWS = 1024  # rows of the affinity matrices in memory at a time


class PairwisePropagation(Propagation):
    """Propagation over all pairs, with cosines divided by the sum of their absolute values."""

    def forward(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        """Propagate the features of all tasks, {name: (B, C, H, W)}, to the same shapes."""
        B, C, H, W = features[self.tasks[0]].shape
        X = torch.stack([features[task].flatten(2) for task in self.tasks], dim=1)  # (B, T, C, P)
        shares = self.weights.softmax(dim=1)
        units = F.normalize(X, dim=2)
        blocks = [
            checkpoint(
                _diffused, rows, units, X, shares, use_reentrant=False, preserve_rng_state=False
            )
            for rows in torch.split(units, _ROWS, dim=3)
        ]
        refined = self.beta * torch.cat(blocks, dim=3) + (1 - self.beta) * X
        maps = refined.view(B, len(self.tasks), C, H, W)
        return dict(zip(self.tasks, maps.unbind(1), strict=True))


def _diffused(rows: Tensor, units: Tensor, X: Tensor, shares: Tensor) -> Tensor:
    """Compute A_t X_t at n pixels, (B, T, C, n), from their unit features `rows` (B, T, C, n)."""
    affinity = F.normalize(rows.mT @ units, p=1, dim=3)  # (B, T, n, P)
    joint = torch.einsum("tk,bknp->btnp", shares, affinity)
    return (joint @ X.mT).mT


def measure(form: str, image_size: tuple[int, int]) -> dict[str, float]:
    """Return the median seconds of a step and the MiB above network and batch."""
    module, batch = make_step("PAPNet", {}, (image_size[0], image_size[1]))
    network: Any = module.network
    if form == "all pairs":
        network.propagation = PairwisePropagation(network.propagation.tasks)
    if form == "none":
        network.propagation = nn.Identity()
    return dict(zip(("seconds", "memory"), measure_step(module, batch, repeats=1), strict=True))


def print_table(quick: bool) -> None:
    """Measure all variants, interleaved, and print the table; `quick`: one round, small images."""
    size = QUICK_SIZE if quick else IMAGE_SIZE
    found: dict[str, list[dict[str, float]]] = {"all pairs": [], "linear": [], "none": []}
    for _ in range(1 if quick else ROUNDS):
        for form, results in found.items():
            case = {"form": form, "image_size": size}
            results.append(in_own_process("benchmarks.propagation", case))
    print(f"PAPNet, {size[0]}x{size[1]}, batch 2, {torch.get_num_threads()} threads")
    print_head("propagation", "s per step", "memory MiB", "time / linear", "memory / linear")
    medians = {
        form: [statistics.median(r[key] for r in results) for key in ("seconds", "memory")]
        for form, results in found.items()
    }
    for form, (seconds, memory) in medians.items():
        ratios = [f"{seconds / medians['linear'][0]:.1f}", f"{memory / medians['linear'][1]:.1f}"]
        print_row(form, f"{seconds:.2f}", f"{memory:.0f}", *ratios)


def main() -> None:
    """Print the table, or the result of one case as JSON."""
    run_benchmark(print_table, measure, __doc__, quick="one round at 128x160")


if __name__ == "__main__":
    main()
