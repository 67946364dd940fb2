#!/usr/bin/env bash
# Dice of a class that no pixel has: free in one library, the maximum in another
#
# 4 classes, of which the image has two, and every pixel of the second one is predicted as a third
# class, which the image does not have. segmentation_models_pytorch sets the loss of absent classes
# to 0 and still divides by all 4, so that those false positives add nothing: the loss is 0.25, and
# 0.5 with no class right. MONAI counts an absent class that is predicted as wrong (1) and one that
# is not predicted as right (0): 0.5, and 0.75 with no class right. The largest loss of both depends
# on the number of classes in the batch, so the same weight beside a cross entropy means more or
# less Dice from batch to batch, and more classes make it weaker.
# What to do: combine Dice with a cross entropy, which counts such pixels; do not copy the weight of
# Dice from one library to another.
#
# Seen with segmentation_models_pytorch 0.6.0, monai 1.6.1 and torch 2.14.1, Python 3.11:
#   segmentation_models_pytorch 0.6.0 monai 1.6.1
#   all right {'smp': 0.0, 'monai': 0.0}
#   class 1 predicted as 2 {'smp': 0.25, 'monai': 0.5}
#   nothing right, as 2 {'smp': 0.5, 'monai': 0.75}
#
# Exit code: 0 if it behaves as described, 1 if not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.14.1 torchvision==0.29.1 \
  segmentation_models_pytorch==0.6.0 monai==1.6.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import monai
import segmentation_models_pytorch as smp
import torch

print("segmentation_models_pytorch", smp.__version__, "monai", monai.__version__)
target = torch.zeros(1, 4, 4, dtype=torch.int64)
target[:, :, 2:] = 1  # left half class 0, right half class 1; 2 and 3 do not occur


def logits(classes):
    return 100.0 * torch.nn.functional.one_hot(classes, 4).movedim(-1, 1).float()


losses = {
    "smp": smp.losses.DiceLoss("multiclass", smooth=0.0),
    "monai": monai.losses.DiceLoss(softmax=True, to_onehot_y=True, batch=True),
}
cases = {
    "all right": target,
    "class 1 predicted as 2": torch.where(target == 1, 2, target),
    "nothing right, as 2": torch.full_like(target, 2),
}
found = {}
for title, predicted in cases.items():
    for name, loss in losses.items():
        labels = target.unsqueeze(1) if name == "monai" else target
        found[title, name] = round(loss(logits(predicted), labels).item(), 2)
    print(title, {name: found[title, name] for name in losses})
sys.exit(list(found.values()) != [0.0, 0.0, 0.25, 0.5, 0.5, 0.75])
PYTHON
