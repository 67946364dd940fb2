#!/usr/bin/env bash
# On a CPU, F.normalize over the channels of a map takes tens of times as long as the same by hand
#
# With torch 2.14, `torch.linalg.vector_norm` over dim 1 of a contiguous (B, 3, H, W) tensor, as of
# surface normals or optical flow, computes each pixel on its own, without vector instructions.
# `F.normalize(x, dim=1)` and `F.cosine_similarity(x, y, dim=1)` call it, once and twice. Sums and
# maxima over the same dimension are fast, and so is the root of the sum of squares. In channels_last
# all are alike, except for the p-norms other than 2 and the cosine.
# What to do: x.square().sum(1, keepdim=True).sqrt() in losses and metrics of vectors.
#
# Seen with torch 2.14.1, Python 3.11, on a core of an AMD EPYC (processor ms of 4 maps, 288x384):
#   torch 2.14.1
#                             contiguous   channels_last
#   vector_norm                     42.2             2.2
#   F.normalize                     42.8             3.6
#   F.cosine_similarity             85.5             9.6
#   root of sum of squares           0.6             2.3
#   sum                              0.2             1.9
#
# Exit code: 0 if the norm of a contiguous map takes more than 5 times as long, 1 if not.
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
RUNS = {
    "vector_norm": lambda x: torch.linalg.vector_norm(x, dim=1),
    "F.normalize": lambda x: F.normalize(x, dim=1),
    "F.cosine_similarity": lambda x: F.cosine_similarity(x, x, dim=1),
    "root of sum of squares": lambda x: x.square().sum(1).sqrt(),
    "sum": lambda x: x.sum(1),
}


def milliseconds(run, x):
    times = []
    for _ in range(9):
        start = time.process_time()
        run(x)
        times.append(time.process_time() - start)
    return 1e3 * min(times)


plain = torch.randn(4, 3, 288, 384, generator=torch.Generator().manual_seed(0))
last = plain.contiguous(memory_format=torch.channels_last)
torch.testing.assert_close(RUNS["vector_norm"](plain), RUNS["root of sum of squares"](plain))
found = {}
print(f"{'':24}{'contiguous':>12}{'channels_last':>16}")
for name, run in RUNS.items():
    found[name] = milliseconds(run, plain)
    print(f"{name:24}{found[name]:12.1f}{milliseconds(run, last):16.1f}")
sys.exit(found["vector_norm"] < 5 * found["root of sum of squares"])
PYTHON
