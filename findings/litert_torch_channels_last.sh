#!/usr/bin/env bash
# litert-torch converts networks with weights in channels_last to wrong ones, in some conversions
#
# litert-torch converts PyTorch networks to .tflite files. If weights are in channels_last memory, some
# conversions report no error, but the file returns other numbers than PyTorch. Of the same network in one
# process, the first file is often right and a later one wrong; large networks are wrong at the first conversion.
# So tests of single layers find nothing. In contiguous memory, all conversions are right.
# What to do: make weights contiguous before the conversion (parameter.data = parameter.data.contiguous()),
# and compare the file with PyTorch.
#
# Seen with litert-torch 0.10.0, litert-converter 0.5.0, torch 2.14.1, Python 3.11:
#   litert-torch 0.10.0
#   contiguous: 0 of 16 conversions differ from PyTorch
#   channels_last: 12 of 16 conversions differ from PyTorch (the number varies)
#
# Exit code: 0 if it behaves as described, 1 if not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  litert-torch==0.10.0 litert-converter==0.5.0 ai-edge-litert==2.3.0 torch==2.14.1 torchao==0.18.0
cat > "$folder/reproduce.py" <<'PYTHON'
import contextlib
import importlib.metadata
import sys

import litert_torch
import torch
from torch import nn

COUNT = 16


def differences(memory: torch.memory_format) -> list[float]:
    """Convert one network several times; return the largest differences from PyTorch."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)]
    network = nn.Sequential(*layers, nn.Conv2d(8, 8, 3, padding=1, bias=False)).eval()
    network[1].running_mean.normal_()
    network[1].running_var.uniform_(0.5, 2)
    network.to(memory_format=memory)
    image = torch.rand(1, 8, 6, 8)
    with torch.no_grad():
        expected = network(image).numpy()
    found = []
    for _ in range(COUNT):
        with contextlib.redirect_stdout(sys.stderr):  # its progress
            converted = litert_torch.convert(network, (image,))
            found.append(abs(converted(image.numpy()) - expected).max())
    return found


print("litert-torch", importlib.metadata.version("litert-torch"))
wrong = {}
for memory in (torch.contiguous_format, torch.channels_last):
    name = str(memory).removeprefix("torch.").removesuffix("_format")
    wrong[name] = sum(difference > 0.01 for difference in differences(memory))
    print(f"{name}: {wrong[name]} of {COUNT} conversions differ from PyTorch")
sys.exit(0 if wrong["contiguous"] == 0 < wrong["channels_last"] else 1)
PYTHON
cd "$folder"
"$folder/venv/bin/python" reproduce.py 2> "$folder/log.txt"
