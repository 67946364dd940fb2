#!/usr/bin/env bash
# A package of AOTInductor reads an input of other strides as if it were contiguous
#
# The package is compiled for the strides of the example input. An input of the same shape with other
# strides, such as an image that NumPy has transposed from (H, W, 3) to (3, H, W), is read in the order
# of its memory: no error, no warning, and wrong values. `program.module()` of torch.export, eager
# PyTorch and torch.compile return the right values.
# What to do: x.contiguous(), or numpy.ascontiguousarray, before the package is called.
#
# Seen with torch 2.14.1, Python 3.11, g++ 12.2, on a CPU:
#   torch 2.14.1
#   contiguous: equal
#   transposed: different
#
# Needs a C++ compiler. Exit code: 0 if it behaves as described, 1 if not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.14.1 numpy==2.4.6
cat > "$folder/reproduce.py" <<'PYTHON'
import sys
import tempfile

import torch


class Double(torch.nn.Module):
    def forward(self, x):
        return 2 * x


print("torch", torch.__version__.split("+")[0])
program = torch.export.export(Double(), (torch.rand(1, 3, 4, 5),))
with tempfile.TemporaryDirectory() as folder:
    path = torch._inductor.aoti_compile_and_package(program, package_path=f"{folder}/double.pt2")
    package = torch._inductor.aoti_load_package(path)
transposed = torch.rand(4, 5, 3).permute(2, 0, 1)[None]
outcomes = []
for name, x in (("contiguous", transposed.contiguous()), ("transposed", transposed)):
    assert torch.equal(program.module()(x), 2 * x)
    outcomes.append(torch.equal(package(x), 2 * x))
    print(f"{name}:", "equal" if outcomes[-1] else "different")
sys.exit(outcomes != [True, False])
PYTHON
"$folder/venv/bin/python" "$folder/reproduce.py"
