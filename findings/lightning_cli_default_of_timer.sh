#!/usr/bin/env bash
# LightningCLI cannot use Lightning's own Timer callback with its defaults
#
# `--trainer.callbacks Timer` is read without an error. Then LightningCLI writes the configuration
# of the run (or prints it, --print_config), and that fails: the default of the argument `interval`
# is a member of an enumeration in a parameter that is annotated as a string, and the writer of YAML
# does not represent it. The error names the enumeration, not the argument. A training with
# `trainer.max_time` is not affected, since the Trainer makes its Timer itself.
# What to do: give the default explicitly, --trainer.callbacks.interval step; or use max_time.
#
# Seen with lightning 2.6.6, jsonargparse 4.53.0, torch 2.14.1, Python 3.11:
#   lightning 2.6.6 jsonargparse 4.53.0
#   Timer: ValueError, ('cannot represent an object', <Interval.step: 'step'>)
#   Timer, --trainer.callbacks.interval step: 1 epoch
#   --trainer.max_time 00:00:01:00: 1 epoch
#
# Exit code: 0 if it behaves as described, 1 if not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.14.1 lightning==2.6.6 \
    'jsonargparse[signatures]==4.53.0' numpy==2.4.6
cd "$folder"
OMP_NUM_THREADS=1 "$folder/venv/bin/python" - 2>/dev/null <<'PYTHON'
import sys
import warnings
from importlib.metadata import version

from lightning.pytorch.cli import LightningCLI
from lightning.pytorch.demos.boring_classes import BoringDataModule, BoringModel

warnings.filterwarnings("ignore")
QUIET = ["enable_progress_bar", "enable_model_summary", "logger", "enable_checkpointing"]


def train(*options):
    """Train as from the command line; return the error or the number of epochs."""
    args = ["fit", "--trainer.max_epochs=1", "--trainer.accelerator=cpu"]
    args += [f"--trainer.{name}=false" for name in QUIET]
    try:
        cli = LightningCLI(
            BoringModel, BoringDataModule, args=[*args, *options],
            save_config_kwargs={"overwrite": True},
        )
    except ValueError as error:
        reason = next(line for line in str(error).splitlines() if "represent" in line)
        return f"ValueError, {reason.strip(' -')}"
    return f"{cli.trainer.current_epoch} epoch"


TIMER = ["--trainer.callbacks=Timer", "--trainer.callbacks.duration=00:00:01:00"]
print("lightning", version("lightning"), "jsonargparse", version("jsonargparse"))
found = [train(*TIMER), train(*TIMER, "--trainer.callbacks.interval=step")]
found.append(train("--trainer.max_time=00:00:01:00"))
print("Timer:", found[0])
print("Timer, --trainer.callbacks.interval step:", found[1])
print("--trainer.max_time 00:00:01:00:", found[2])
expected = "ValueError, ('cannot represent an object', <Interval.step: 'step'>)"
sys.exit(found != [expected, "1 epoch", "1 epoch"])
PYTHON
