#!/usr/bin/env bash
# torch.onnx.export writes another operator set than the one asked for, and raises nothing
#
# With opset_version=17, a network of ReLUs is written with operator set 17, and a network with a
# mean over an axis with 18: the exporter's own operators start at 18, and converting the mean down
# fails. The failure is logged, with a traceback, and the call returns a model as if it had worked.
# A runtime that knows operator sets up to 17 cannot read the file.
# What to do: compare program.model.opset_imports[""] with the version asked for.
#
# Seen with torch 2.14.1, onnx 1.23.2 and onnxscript 0.7.2, Python 3.11, on a CPU:
#   torch 2.14.1 onnx 1.23.2 onnxscript 0.7.2
#   Relu asked 17 written 17
#   Relu asked 18 written 18
#   Mean asked 17 written 18
#   Mean asked 18 written 18
#
# Exit code: 0 if it behaves as described, 1 if not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.14.1 onnx==1.23.2 onnxscript==0.7.2 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import logging
import sys

import onnx
import onnxscript
import torch

logging.disable(logging.CRITICAL)  # the traceback of the conversion that fails
print("torch", torch.__version__.split("+")[0], "onnx", onnx.__version__, "onnxscript", onnxscript.__version__)


class Relu(torch.nn.Module):
    def forward(self, x):
        return x.relu()


class Mean(torch.nn.Module):
    def forward(self, x):
        return x.mean(dim=1)


written = {}
for network in (Relu(), Mean()):
    for asked in (17, 18):
        name = type(network).__name__
        program = torch.onnx.export(
            network, (torch.rand(1, 4, 8),), dynamo=True, opset_version=asked, verbose=False
        )
        written[name, asked] = program.model.opset_imports[""]
        print(name, "asked", asked, "written", written[name, asked])
expected = {("Relu", 17): 17, ("Relu", 18): 18, ("Mean", 17): 18, ("Mean", 18): 18}
sys.exit(written != expected)
PYTHON
