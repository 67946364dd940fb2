#!/usr/bin/env bash
# With ddp, Lightning's BaseFinetuning trains layers that it unfreezes apart in every process
#
# BaseFinetuning freezes layers before the training and unfreezes them in a later epoch. With
# strategy "ddp", DistributedDataParallel wraps the model while they are frozen, and does not
# average gradients of parameters that did not require one then. After the unfreezing each process
# trains its own copy of these layers, without a warning; only those that were never frozen stay
# equal. A checkpoint has the weights of rank 0.
# What to do: let these layers require gradients from the start, and keep them out of the optimizer
# until they are to be trained.
#
# Seen with lightning 2.6.6 and torch 2.14.1, Python 3.11, two gloo processes on a CPU:
#   lightning 2.6.6 torch 2.14.1
#   epoch 0: backbone equal      head equal
#   epoch 1: backbone different  head equal
#   epoch 2: backbone different  head equal
#
# Exit code: 0 if it behaves as described, 1 if not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.14.1 lightning==2.6.6 numpy==2.4.6
cd "$folder"
cat > training.py <<'PYTHON'
import sys
import warnings
from importlib.metadata import version

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import BaseFinetuning
from torch.utils.data import DataLoader, TensorDataset

warnings.filterwarnings("ignore")


class Model(LightningModule):
    def __init__(self):
        super().__init__()
        self.backbone = torch.nn.Linear(4, 4)
        self.head = torch.nn.Linear(4, 1)
        self.equal = []

    def training_step(self, batch, _):
        return self.head(self.backbone(batch[0])).square().mean()

    def on_train_epoch_end(self):
        sums = torch.stack([self.backbone.weight.sum(), self.head.weight.sum()]).detach()
        everywhere = self.all_gather(sums)
        self.equal.append(torch.isclose(everywhere[0], everywhere[1]).tolist())

    def configure_optimizers(self):
        return torch.optim.SGD(self.head.parameters(), lr=0.1)


class Unfreeze(BaseFinetuning):
    def freeze_before_training(self, module):
        self.freeze(module.backbone)

    def finetune_function(self, module, epoch, optimizer):
        if epoch == 1:
            self.unfreeze_and_add_param_group(module.backbone, optimizer, initial_denom_lr=1.0)


if __name__ == "__main__":
    torch.manual_seed(0)
    model = Model()
    data = DataLoader(TensorDataset(torch.randn(16, 4)), batch_size=4)
    trainer = Trainer(
        accelerator="cpu", devices=2, strategy="ddp", max_epochs=3, logger=False,
        callbacks=[Unfreeze()], enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(model, data)
    if trainer.is_global_zero:
        print("lightning", version("lightning"), "torch", torch.__version__.split("+")[0])
        for epoch, (backbone, head) in enumerate(model.equal):
            words = ["equal" if same else "different" for same in (backbone, head)]
            print(f"epoch {epoch}: backbone {words[0]:<10} head {words[1]}")
        expected = [[True, True], [False, True], [False, True]]
        open("outcome", "w").write(str(int(model.equal != expected)))
PYTHON
OMP_NUM_THREADS=1 "$folder/venv/bin/python" training.py 2>/dev/null
exit "$(cat outcome)"
