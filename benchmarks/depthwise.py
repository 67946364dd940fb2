"""Backward pass of depthwise convolutions in bfloat16 on a CPU: PyTorch against ctal.

    python -m benchmarks.depthwise [--quick]

The first table has single layers of tf_efficientnet_lite0 at 288x384 and batch 4, in channels_last:
milliseconds of the forward pass, and of the gradients of weights and input. The second table has
whole training steps (forward pass, losses, backward pass, Adam) with bfloat16 autocast. All values
are processor time of one thread, medians; the variants of a row are interleaved.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch.nn.grad import conv2d_input, conv2d_weight

from benchmarks.measuring import print_head, print_row
from ctal.networks import MTINet, MultiScaleCTALNet
from ctal.profiling.cost import machine
from ctal.tasks import Depth, SemanticSegmentation, SurfaceNormals
from ctal.training import MultiTaskModule
from ctal.training.depthwise import input_gradient, weight_gradient

BATCH, SIZE = 4, (288, 384)
WIDTHS = {"encoder": "tf_efficientnet_lite0", "out_channels": [24, 40, 64, 80]}


class Layer(NamedTuple):
    """A depthwise convolution, with padding only at a stride of 1, as in the encoder."""

    channels: int
    height: int
    width: int
    kernel: int
    stride: int


LAYERS = [
    *(Layer(96, 72, 96, 3, 2), Layer(144, 72, 96, 3, 1), Layer(144, 36, 48, 5, 2)),
    *(Layer(240, 36, 48, 5, 1), Layer(672, 18, 24, 5, 1), Layer(672, 9, 12, 5, 2)),
    *(Layer(1152, 9, 12, 5, 1), Layer(1152, 9, 12, 3, 1)),
]


def median_times(actions: list[Callable[[], Any]], repeats: int) -> list[float]:
    """Return the median processor seconds of each action, the actions in turns."""
    times: list[list[float]] = [[] for _ in actions]
    for _ in range(repeats + 1):
        for action, seconds in zip(actions, times, strict=True):
            start = time.process_time()
            action()
            seconds.append(time.process_time() - start)
    return [statistics.median(seconds[1:]) for seconds in times]


def measure_layer(layer: Layer, repeats: int) -> list[float]:
    """Return the times of the forward pass, and of each gradient by PyTorch and by ctal."""
    channels, height, width, kernel, stride = layer
    padding = kernel // 2 if stride == 1 else 0
    extra = kernel - stride if stride > 1 else 0
    size = (height * stride + extra, width * stride + extra)
    options: dict[str, Any] = {"stride": stride, "padding": padding, "groups": channels}
    pairs = (stride, stride), (padding, padding)
    layout: dict[str, Any] = {"memory_format": torch.channels_last}
    x = torch.randn(BATCH, channels, *size).bfloat16().contiguous(**layout)
    w = torch.randn(channels, 1, kernel, kernel).bfloat16()
    grad = torch.randn(BATCH, channels, height, width).bfloat16().contiguous(**layout)
    actions: list[Callable[[], Any]] = [
        lambda: F.conv2d(x, w, **options),
        lambda: conv2d_weight(x, w.shape, grad, **options),  # type: ignore[no-untyped-call]
        lambda: weight_gradient(x, w.shape, grad, *pairs),
        lambda: conv2d_input(x.shape, w, grad, **options),  # type: ignore[no-untyped-call]
        lambda: input_gradient(x.shape, w, grad, *pairs),
    ]
    return median_times(actions, repeats)


def measure_step(kind: type, arguments: dict[str, Any], repeats: int) -> list[float]:
    """Return the times of a training step by PyTorch and by ctal."""
    torch.manual_seed(0)
    tasks = [SemanticSegmentation(13), Depth(), SurfaceNormals()]
    module = MultiTaskModule(kind(tasks, image_size=SIZE, **WIDTHS, **arguments))
    batch = {
        "image": torch.rand(BATCH, 3, *SIZE),
        "semseg": torch.randint(0, 13, (BATCH, *SIZE)),
        "depth": torch.rand(BATCH, *SIZE) + 1,
        "normals": F.normalize(torch.randn(BATCH, 3, *SIZE), dim=1),
    }
    optimizer = torch.optim.Adam(module.parameters())

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            losses = module.losses(module(batch["image"]), batch)
        torch.autograd.backward(torch.stack([*losses.values()]).sum())
        optimizer.step()

    def without() -> None:
        with patch("ctal.training.fast_backward.convolve", torch.conv2d):
            step()

    return median_times([without, step], repeats)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    repeats = 3 if parser.parse_args().quick else 9
    torch.set_num_threads(1)
    print(machine(torch.device("cpu")))
    print_head(
        *["channels, size, kernel, stride", "forward ms", "weights, torch ms", "weights, ctal ms"],
        *["ratio", "input, torch ms", "input, ctal ms", "ratio"],
    )
    for layer in LAYERS:
        forward, *times = (1e3 * seconds for seconds in measure_layer(layer, repeats))
        name = f"{layer.channels}, {layer.height}x{layer.width}, {layer.kernel}, {layer.stride}"
        shown = [f"{forward:.2f}"]
        for theirs, ours in (times[:2], times[2:]):
            shown += [f"{theirs:.2f}", f"{ours:.2f}", f"{theirs / ours:.1f}"]
        print_row(name, *shown)
    print()
    print_head("network", "torch s", "ctal s", "ctal / torch")
    lean = {"channels": 64, "lean": True}
    for kind, arguments in ((MTINet, {}), (MultiScaleCTALNet, lean)):
        theirs, ours = measure_step(kind, arguments, repeats)
        print_row(kind.__name__, f"{theirs:.2f}", f"{ours:.2f}", f"{ours / theirs:.2f}")


if __name__ == "__main__":
    main()
