#!/usr/bin/env bash
# torch on a CPU: the bfloat16 gradient of a 5x5 depthwise convolution is slower than in float32
#
# In the forward pass of a depthwise convolution in channels_last, bfloat16 is as fast as float32 or
# faster, and so is the gradient of 3x3 weights. The gradient of 5x5 weights takes several times as
# long in bfloat16 as in float32, and many times as long as the four 3x3 gradients (of shifted
# inputs) that together contain it. The gradient of the input of a strided one takes several times as
# long as a forward convolution over the same output with zeros inserted, which gives the same
# numbers. In EfficientNet trained with bfloat16 autocast these are half of the time of all
# convolutions.
# What to do: compute 5x5 gradients in tiles of 3x3, and input gradients as forward convolutions.
#
# Seen with torch 2.14.1, Python 3.11, two cores of an AMD EPYC with AVX-512 (one thread):
#   torch 2.14.1
#   gradient of 5x5 weights, bfloat16 / float32:          4.7
#   gradient of 5x5 weights, bfloat16 / four of 3x3:      11.5
#   gradient of a strided input, bfloat16 / with zeros:   2.0
#
# Exit code: 0 if all three ratios are above 1.5, 1 if not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.14.1 numpy==2.4.1
cd "$folder"
OMP_NUM_THREADS=1 "$folder/venv/bin/python" - <<'PYTHON'
import statistics
import sys
import time

import torch
from torch.nn.functional import conv2d
from torch.nn.grad import conv2d_input, conv2d_weight

LAST = {"memory_format": torch.channels_last}
CHANNELS, HEIGHT, WIDTH = 672, 18, 24


def seconds(action):
    action()
    times = []
    for _ in range(9):
        start = time.process_time()
        action()
        times.append(time.process_time() - start)
    return statistics.median(times)


def tensor(*shape):
    return torch.randn(*shape).bfloat16().contiguous(**LAST)


print("torch", torch.__version__.split("+")[0])
x, grad = tensor(4, CHANNELS, HEIGHT + 4, WIDTH + 4), tensor(4, CHANNELS, HEIGHT, WIDTH)
x32, grad32 = x.float(), grad.float()


def weights(x, grad, size):
    return conv2d_weight(x, (CHANNELS, 1, size, size), grad, groups=CHANNELS)


def tiles():
    whole = torch.empty(CHANNELS, 1, 5, 5)
    for top in (0, 2):
        for left in (0, 2):
            part = x[..., top : top + HEIGHT + 2, left : left + WIDTH + 2].contiguous(**LAST)
            whole[..., top : top + 3, left : left + 3] = weights(part, grad, 3)
    return whole


reference = weights(x32, grad32, 5)
assert (tiles() - reference).norm() < 0.01 * reference.norm()
bfloat16 = seconds(lambda: weights(x, grad, 5))
ratios = {
    "gradient of 5x5 weights, bfloat16 / float32:": bfloat16
    / seconds(lambda: weights(x32, grad32, 5)),
    "gradient of 5x5 weights, bfloat16 / four of 3x3:": bfloat16 / seconds(tiles),
}
w, size = tensor(CHANNELS, 1, 3, 3), (4, CHANNELS, 2 * HEIGHT + 1, 2 * WIDTH + 1)


def strided():
    return conv2d_input(size, w, grad, stride=2, groups=CHANNELS)


def with_zeros():
    spread = tensor(4, CHANNELS, 2 * HEIGHT - 1, 2 * WIDTH - 1).zero_()
    spread[..., ::2, ::2] = grad
    return conv2d(spread, w.flip(-2, -1), padding=2, groups=CHANNELS)


assert (with_zeros() - strided()).norm() < 0.01 * strided().norm()
ratios["gradient of a strided input, bfloat16 / with zeros:"] = seconds(strided) / seconds(with_zeros)
for name, ratio in ratios.items():
    print(f"{name:<53} {ratio:.1f}")
sys.exit(min(ratios.values()) < 1.5)
PYTHON
