#!/usr/bin/env bash
# torch.compile with an AOT backend fails on an input that is a torchvision tv_tensor
#
# A convolution compiled with backend "aot_eager" runs on a plain tensor. On the same values as a
# tv_tensors.Image, which is what v2 transforms and their data loaders yield, its first call raises
# TypeError: an internal dispatch mode that looks for aliases in custom operators meets an operator
# whose argument is a tensor subclass and answers NotImplemented, and there is no other handler.
# Dynamo alone (backend "eager") runs on both. The model has no custom operator.
# What to do: x.as_subclass(torch.Tensor) before the model is called.
#
# Seen with torch 2.14.1 and torchvision 0.29.1, Python 3.11, on a CPU:
#   torch 2.14.1 torchvision 0.29.1
#   eager      Tensor ran        Image ran
#   aot_eager  Tensor ran        Image TypeError
#
# Exit code: 0 if it behaves as described, 1 if not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.14.1 torchvision==0.29.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import torch
import torchvision
from torchvision import tv_tensors

print("torch", torch.__version__.split("+")[0], "torchvision", torchvision.__version__.split("+")[0])
pixels = torch.rand(2, 3, 8, 8)
outcomes = {}
for backend in ("eager", "aot_eager"):
    for images in (pixels, tv_tensors.Image(pixels)):
        torch.compiler.reset()
        network = torch.compile(torch.nn.Conv2d(3, 4, 3), backend=backend)
        try:
            network(images)
            outcome = "ran"
        except Exception as error:
            outcome = type(error).__name__
        outcomes[backend, type(images).__name__] = outcome
    print(f"{backend:<10}", *(f"{kind} {outcomes[backend, kind]:<10}" for kind in ("Tensor", "Image")))
expected = {
    ("eager", "Tensor"): "ran",
    ("eager", "Image"): "ran",
    ("aot_eager", "Tensor"): "ran",
    ("aot_eager", "Image"): "TypeError",
}
sys.exit(outcomes != expected)
PYTHON
