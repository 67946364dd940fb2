"""Backward pass of resizing where the gradient is a slice of channels, and a copy of the slice.

    python -m benchmarks.resizing

The maps of `MTINet` on tf_efficientnet_lite0 at 288x384: three scales are resized to 72x96 and
concatenated with the fourth. Batch 4, channels_last, one thread.
"""

from functools import partial

import torch
import torch.nn.functional as F

from benchmarks.measuring import median_seconds, print_head, print_row
from ctal.profiling.cost import machine

SIZE, BATCH = (72, 96), 4
SCALES = {24: SIZE, 40: (36, 48), 64: (18, 24), 80: (9, 12)}  # channels and sizes


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    print(machine(torch.device("cpu")))
    print_head("dtype", "channels", "from", "slice ms", "copy ms", "copy / slice")
    for dtype in (torch.float32, torch.bfloat16):
        total = torch.randn(BATCH, sum(SCALES), *SIZE, dtype=dtype)
        total = total.contiguous(memory_format=torch.channels_last)
        slices = total.split_with_sizes(list(SCALES), dim=1)
        for (channels, size), part in list(zip(SCALES.items(), slices, strict=True))[1:]:
            times = measure(size, part)
            label = f"{size[0]}x{size[1]}"
            numbers = [f"{1e3 * time:.2f}" for time in times]
            print_row(str(dtype)[6:], channels, label, *numbers, f"{times[1] / times[0]:.2f}")


def measure(size: tuple[int, int], part: torch.Tensor) -> list[float]:
    """Return the seconds of a backward pass with a slice and with a copy, which is timed too."""
    maps = torch.randn(BATCH, part.shape[1], *size, dtype=part.dtype)
    maps = maps.contiguous(memory_format=torch.channels_last).requires_grad_()
    resized = F.interpolate(maps, size=SIZE, mode="bilinear")

    def run(copied: bool) -> None:
        gradient = part.contiguous(memory_format=torch.channels_last) if copied else part
        torch.autograd.grad(resized, maps, gradient, retain_graph=True)

    return [median_seconds(partial(run, copied)) for copied in (False, True)]


if __name__ == "__main__":
    main()
