#!/usr/bin/env bash
# On a CPU, resized maps that are concatenated have a slow gradient in channels_last
#
# With torch 2.14, the backward pass of bilinear `F.interpolate` looks at the memory format of the
# gradient. After `torch.cat(maps, dim=1)` each map's gradient is a slice of channels, which is not
# contiguous in channels_last. torch then converts it, resizes in the other format and converts
# back, several times slower than a copy of the slice and the resizing of that copy. This is the
# head of HRNet, PSPNet, SegFormer and other networks, trained with the memory format that is
# otherwise the fastest. A hook on the resized map that makes the gradient contiguous avoids it.
#
# Seen with torch 2.14.1, Python 3.11, on a core of an AMD EPYC (processor ms of a backward pass):
#   torch 2.14.1
#   float32    as it is   28.9   gradients made contiguous    6.6
#   bfloat16   as it is   28.3   gradients made contiguous    4.8
#
# Exit code: 0 if the hook saves at least half of the time in both cases, 1 if not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.14.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys
import time
from importlib.metadata import version

import torch
import torch.nn.functional as F

torch.set_num_threads(1)
print("torch", version("torch").split("+")[0])
SIZES = {24: (72, 96), 40: (36, 48), 64: (18, 24), 80: (9, 12)}  # channels: height and width
LAST = torch.channels_last


def backward(dtype, hook):
    """Return the milliseconds and the gradients of resizing four maps and concatenating them."""
    generator = torch.Generator().manual_seed(0)
    maps = [torch.randn(4, c, *size, generator=generator).to(dtype) for c, size in SIZES.items()]
    maps = [x.contiguous(memory_format=LAST).requires_grad_() for x in maps]
    upstream = torch.randn(4, sum(SIZES), 72, 96, generator=generator).to(dtype)
    upstream = upstream.contiguous(memory_format=LAST)
    times = []
    for _ in range(7):
        resized = [F.interpolate(x, size=(72, 96), mode="bilinear") for x in maps]
        for x in resized if hook else ():
            x.register_hook(lambda g: g.contiguous(memory_format=LAST))
        total = torch.cat(resized, dim=1)
        start = time.process_time()
        gradients = torch.autograd.grad(total, maps, upstream)
        times.append(time.process_time() - start)
    return 1e3 * min(times), gradients


changed = False
for dtype in (torch.float32, torch.bfloat16):
    (plain, expected), (hooked, found) = backward(dtype, False), backward(dtype, True)
    for a, b in zip(expected, found, strict=True):
        torch.testing.assert_close(a, b)
    print(f"{str(dtype)[6:]:10} as it is {plain:6.1f}   gradients made contiguous {hooked:6.1f}")
    changed |= hooked > plain / 2
sys.exit(changed)
PYTHON
