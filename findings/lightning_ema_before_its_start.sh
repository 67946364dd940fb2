#!/usr/bin/env bash
# Before its start, Lightning's EMAWeightAveraging validates the initial weights
#
# EMAWeightAveraging(update_starting_at_step=N) is to average from step N on, for instance after a
# warm-up. Until the first update the averaged model is a copy of the weights before the training,
# and validation (and early stopping, and the choice of the best checkpoint) uses that copy: the
# first scores are those of an untrained model, whatever the training did.
# What to do: leave update_starting_at_step below the number of steps before the first validation.
#
# Seen with lightning 2.6.6 and torch 2.14.1, Python 3.11, on a CPU. One parameter starts at 0 and
# grows by 0.5 in each step of one batch; validation after each step:
#   lightning 2.6.6 torch 2.14.1
#   step 1: trained 0.5  validated 0.0
#   step 2: trained 1.0  validated 0.0
#   step 3: trained 1.5  validated 1.5
#   step 4: trained 2.0  validated 2.0
#
# Exit code: 0 if it behaves as described, 1 if not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.14.1 lightning==2.6.6 numpy==2.4.6
cd "$folder"
OMP_NUM_THREADS=1 "$folder/venv/bin/python" - 2>/dev/null <<'PYTHON'
import sys
import warnings
from importlib.metadata import version

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import EMAWeightAveraging
from torch.utils.data import DataLoader, TensorDataset

warnings.filterwarnings("ignore")


class Model(LightningModule):
    def __init__(self):
        super().__init__()
        self.value = torch.nn.Parameter(torch.zeros(()))
        self.trained, self.validated = [], []

    def training_step(self, batch, _):
        return -self.value

    def on_train_batch_end(self, *_):
        self.trained.append(self.value.item())

    def validation_step(self, batch, _):
        self.validated.append(self.value.item())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.5)


model = Model()
data = DataLoader(TensorDataset(torch.zeros(1)))
Trainer(
    accelerator="cpu", devices=1, max_epochs=4, logger=False, enable_checkpointing=False,
    enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0,
    callbacks=[EMAWeightAveraging(decay=0.0, update_starting_at_step=2)],
).fit(model, data, data)
print("lightning", version("lightning"), "torch", torch.__version__.split("+")[0])
for step, (trained, validated) in enumerate(zip(model.trained, model.validated), 1):
    print(f"step {step}: trained {trained}  validated {validated}")
sys.exit(model.trained != [0.5, 1.0, 1.5, 2.0] or model.validated != [0.0, 0.0, 1.5, 2.0])
PYTHON
