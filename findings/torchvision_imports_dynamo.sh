#!/usr/bin/env bash
# Importing torchvision imports torch's compiler, which nearly doubles the time of importing torch
#
# With torch 2.14 and torchvision 0.29, `import torchvision` imports torch._dynamo with its tracer
# and sympy: its module torchvision.ops.roi_align imports torch._dynamo.utils, and torchvision.models
# imports the detection models, which import the operators. `import torch` alone does not. A program
# that only decodes or resizes images, and every program that imports timm, waits for it at its start.
# What to do: in programs whose start matters, import torchvision (and timm) late.
#
# Seen with torch 2.14.1 and torchvision 0.29.1, Python 3.11, on two cores of an AMD EPYC:
#   torch 2.14.1 torchvision 0.29.1
#   import torch        torch._dynamo: no    sympy: no
#   import torchvision  torch._dynamo: yes   sympy: yes
#   import timm         torch._dynamo: yes   sympy: yes
#   processor seconds: torch 1.4, torchvision 2.6
#
# Exit code: 0 if it behaves as described (the seconds are printed only), 1 if not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.14.1 torchvision==0.29.1 timm==1.0.31 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import subprocess
import sys
from importlib.metadata import version

print("torch", version("torch").split("+")[0], "torchvision", version("torchvision").split("+")[0])
code = (
    "import sys, time, {name}; print(*(m in sys.modules for m in ('torch._dynamo', 'sympy')), "
    "time.process_time())"
)
expected = {"torch": (False, False), "torchvision": (True, True), "timm": (True, True)}
outcomes, seconds = {}, {}
for name in expected:
    for _ in range(2):  # the second time its files are compiled and cached
        done = subprocess.run(
            [sys.executable, "-c", code.format(name=name)], capture_output=True, text=True, check=True
        )
    dynamo, sympy, taken = done.stdout.split()
    outcomes[name] = (dynamo == "True", sympy == "True")
    seconds[name] = float(taken)
    shown = ["yes" if found else "no" for found in outcomes[name]]
    print(f"{'import ' + name:<19} torch._dynamo: {shown[0]:<5} sympy: {shown[1]}")
print(f"processor seconds: torch {seconds['torch']:.1f}, torchvision {seconds['torchvision']:.1f}")
sys.exit(outcomes != expected)
PYTHON
