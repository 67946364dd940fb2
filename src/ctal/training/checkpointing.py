"""Checkpoints of a run: written atomically, loaded without executing code, resumed exactly."""

from __future__ import annotations

import io
import math
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.plugins.io import TorchCheckpointIO
from torch import Tensor, nn

from ctal.compat import defer_sigterm, trainer_command
from ctal.errors import InputError, Interrupted
from ctal.io.atomic import write_whole
from ctal.io.checkpoint import read_checkpoint
from ctal.io.run_folder import RunFolder
from ctal.io.signals import TERMINATING, handled_signals
from ctal.networks import Network, completed, describe

_STOPPING = ("SIGINT", "SIGUSR1", *TERMINATING)


class WholeCheckpointIO(TorchCheckpointIO):
    """Write checkpoints atomically: to a temporary file beside them, which is then renamed.

    Lightning writes to the system's temporary folder and moves the file, which is a copy if the
    two are on different disks.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Save the checkpoint to `path` atomically.

        Raises:
            InputError: the file cannot be written (a full disk, a read-only folder).
        """
        buffer = io.BytesIO()  # on a full disk, torch.save would hide the reason
        torch.save(checkpoint, buffer)
        write_whole(Path(path), lambda file: file.write(buffer.getbuffer()))

    def load_checkpoint(
        self, path: str | Path, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Load a checkpoint of plain values and tensors with `read_checkpoint`."""
        return read_checkpoint(path, "state_dict", "loops", "optimizer_states")


def check_same_network(
    checkpoint: Mapping[str, Any], network: nn.Module, state: Mapping[str, Tensor]
) -> None:
    """Check that a checkpoint belongs to a network, before its weights are loaded.

    Args:
        checkpoint: its content; "ctal" is the description of the network, if that is a `Network`.
        network: the network that the configuration builds.
        state: the weights to replace.

    Raises:
        InputError: it belongs to another network.
    """
    saved = completed(checkpoint.get("ctal") or {})
    own = completed(describe(network)) if isinstance(network, Network) else {}
    different = _differences(saved, own) or _mismatched(checkpoint["state_dict"], state)
    if different:
        known = isinstance(saved, Mapping) and "class" in saved
        theirs = str(saved["class"]).rpartition(".")[2] if known else "another network"
        raise InputError(
            f"ckpt_path: the checkpoint holds {theirs}, the configuration builds "
            f"{type(network).__name__}; they differ in {different[0]}{_hint(different[0])}"
        )


def _hint(difference: str) -> str:
    """Return which key to set if the difference is an argument of the network."""
    key = difference.partition(" ")[0]
    if not key.startswith("arguments."):
        return ""
    return (
        f"; set model.network.init_args.{key.removeprefix('arguments.')} to the checkpoint's value"
    )


def _mismatched(saved: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> list[str]:
    """Return the names of weights that are missing on one side or differ in shape."""
    shapes = [
        {name: getattr(value, "shape", None) for name, value in side.items()}
        for side in (saved, own)
    ]
    return [
        name for name in {**shapes[0], **shapes[1]} if shapes[0].get(name) != shapes[1].get(name)
    ]


def _differences(saved: Any, own: Any, path: str = "") -> list[str]:
    """Return the differences of two plain descriptions, as "key (saved value and own value)"."""
    if isinstance(saved, Mapping) and isinstance(own, Mapping):
        keys = list({**saved, **own})
        return [
            found
            for key in keys
            for found in _differences(saved.get(key), own.get(key), f"{path}.{key}".strip("."))
        ]
    return [] if saved == own else [f"{path} ({saved!r} and {own!r})"]


class RunCheckpoints(Checkpoint):
    """Save two checkpoints of a run: the best one, and the last, from which it resumes.

    `last.ckpt` is written at the end of each epoch, after its validation, and when the run is
    stopped by Ctrl-C (SIGINT), SIGTERM, SIGHUP (a closed terminal) or SIGUSR1 (a cluster's warning)
    within `stopped_by_signals`. The current step is finished first, since in the middle of a step
    the weights and the statistics of normalization layers are inconsistent. A second signal stops
    immediately and keeps the checkpoint of the last epoch.

    `best.ckpt` is that of the epoch with the highest `val/score`. Lightning's ModelCheckpoint
    loses track of it if the folder of a run is moved before it resumes.
    """

    def __init__(self) -> None:
        self.best_score = -math.inf
        self._asked: int | None = None

    def state_dict(self) -> dict[str, float]:
        """Return the best score so far, which every checkpoint stores."""
        return {"best_score": self.best_score}

    def load_state_dict(self, state_dict: dict[str, float]) -> None:
        """Load the best score of the resumed run."""
        self.best_score = state_dict["best_score"]

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Refuse to resume a run that has trained for more epochs than requested.

        Raises:
            InputError: it has started more epochs than `trainer.max_epochs`.
        """
        if trainer_command(trainer) != "fit" or trainer.max_epochs in (None, -1):
            return
        begun, epochs = checkpoint["epoch"] + 1, trainer.max_epochs
        if begun > epochs:
            raise InputError(
                f"trainer.max_epochs: expected {begun} or more, since the run to resume has "
                f"started epoch {begun}, got {epochs}"
            )

    @contextmanager
    def stopped_by_signals(self, folder: RunFolder) -> Iterator[None]:
        """Save and stop the run in `folder` on a signal, as described above.

        Raises:
            Interrupted: The run was asked to stop.
        """

        def ask(number: int) -> None:
            if self._asked is not None:
                raise _interruption(folder, number)
            self._asked = number

        try:
            with handled_signals(ask, _STOPPING):
                yield
        finally:
            self._asked = None

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Stop if requested; after the last batch of an epoch, validate first."""
        if trainer.is_last_batch or not self._shall_stop(trainer):
            return
        # a checkpoint has no gradients: those of accumulated batches would be lost
        if (batch_idx + 1) % trainer.accumulate_grad_batches:
            defer_sigterm(trainer)  # else Lightning would stop here
            return
        self._save(trainer, "last")
        raise _interruption(RunFolder(trainer.default_root_dir), self._asked or signal.SIGINT)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save, then stop if requested."""
        score = float(trainer.callback_metrics.get("val/score", -math.inf))
        if score > self.best_score:
            self.best_score = score
            self._save(trainer, "best")
        self._save(trainer, "last")
        if self._shall_stop(trainer):
            raise _interruption(RunFolder(trainer.default_root_dir), self._asked or signal.SIGINT)

    def _shall_stop(self, trainer: Trainer) -> bool:
        # all processes must stop at the same step, whichever of them got the signal
        return trainer.strategy.reduce_boolean_decision(self._asked is not None, all=False)

    def _save(self, trainer: Trainer, name: str) -> None:
        if not getattr(trainer, "fast_dev_run", False):  # Lightning's trial run writes no files
            trainer.save_checkpoint(RunFolder(trainer.default_root_dir).checkpoint(name))


def _interruption(folder: RunFolder, number: int) -> Interrupted:
    if folder.last.is_file():
        return Interrupted(f"stopped; resume: {folder.resume_command()}", number)
    return Interrupted("stopped before the first checkpoint", number)
