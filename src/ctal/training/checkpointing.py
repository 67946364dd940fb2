"""Checkpoints of a run: written whole, read without running code, and resumed exactly."""

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
    """Writes a checkpoint beside its place, then renames it: no kill leaves half a file.

    Lightning's own writes to the system's folder of temporary files and moves the file, which is a
    copy where the two lie on different disks.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Saves the checkpoint as `path`, whole or not at all.

        Raises:
            InputError: the place cannot be written (a full disk, a read-only folder).
        """
        buffer = io.BytesIO()  # on a full disk, torch.save would hide the reason
        torch.save(checkpoint, buffer)
        write_whole(Path(path), lambda file: file.write(buffer.getbuffer()))

    def load_checkpoint(
        self, path: str | Path, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Reads a checkpoint of plain values and tensors, as `read_checkpoint` does."""
        return read_checkpoint(path, "state_dict", "loops", "optimizer_states")


def check_same_network(
    checkpoint: Mapping[str, Any], network: nn.Module, state: Mapping[str, Tensor]
) -> None:
    """Looks whether a checkpoint is that of a network, before its weights are loaded.

    Args:
        checkpoint: its content; "ctal" describes the network if it is one of this package's kind.
        network: the network that the configuration builds.
        state: the weights to be replaced.

    Raises:
        InputError: it is that of another network.
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
    """Names of weights that only one side has, or that have another shape there."""
    shapes = [
        {name: getattr(value, "shape", None) for name, value in side.items()}
        for side in (saved, own)
    ]
    return [
        name for name in {**shapes[0], **shapes[1]} if shapes[0].get(name) != shapes[1].get(name)
    ]


def _differences(saved: Any, own: Any, path: str = "") -> list[str]:
    """Where two plain descriptions differ, as "key: saved value, own value"."""
    if isinstance(saved, Mapping) and isinstance(own, Mapping):
        keys = list({**saved, **own})
        return [
            found
            for key in keys
            for found in _differences(saved.get(key), own.get(key), f"{path}.{key}".strip("."))
        ]
    return [] if saved == own else [f"{path} ({saved!r} and {own!r})"]


class RunCheckpoints(Checkpoint):
    """Keeps two checkpoints of a run: the best one, and the last, from which it resumes.

    `last.ckpt` is written at the end of each epoch, after its validation, and when the run is asked
    to stop by Ctrl-C (SIGINT), SIGTERM, SIGHUP (a closed terminal) or SIGUSR1 (a cluster's warning)
    within `stopped_by_signals`. The current step is finished first, since in its middle the weights
    and the statistics of normalization layers do not belong together. A second signal stops at
    once and keeps the checkpoint of the last epoch.

    `best.ckpt` is that of the epoch with the highest `val/score`. Lightning's ModelCheckpoint would
    forget which one that is when the folder of a run is moved before it resumes.
    """

    def __init__(self) -> None:
        self.best_score = -math.inf
        self._asked: int | None = None

    def state_dict(self) -> dict[str, float]:
        """The best score so far, kept in every checkpoint."""
        return {"best_score": self.best_score}

    def load_state_dict(self, state_dict: dict[str, float]) -> None:
        """Takes the best score of the run that is resumed."""
        self.best_score = state_dict["best_score"]

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Refuses to resume a run that has trained for longer than it shall.

        Raises:
            InputError: it has begun more epochs than `trainer.max_epochs`.
        """
        if trainer_command(trainer) != "fit" or trainer.max_epochs in (None, -1):
            return
        begun, epochs = checkpoint["epoch"] + 1, trainer.max_epochs
        if begun > epochs:
            raise InputError(
                f"trainer.max_epochs: expected {begun} or more, since the run to be resumed has "
                f"begun epoch {begun}, got {epochs}"
            )

    @contextmanager
    def stopped_by_signals(self, folder: RunFolder) -> Iterator[None]:
        """Let a signal save and stop the run in `folder`, as described above, while this lasts.

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
        """Stops here if asked to; after the last batch, the epoch's validation comes first."""
        if trainer.is_last_batch or not self._shall_stop(trainer):
            return
        # a checkpoint holds no gradients, which would be lost between two batches of one step
        if (batch_idx + 1) % trainer.accumulate_grad_batches:
            defer_sigterm(trainer)  # on which Lightning would stop here
            return
        self._save(trainer, "last")
        raise _interruption(RunFolder(trainer.default_root_dir), self._asked or signal.SIGINT)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Saves, then stops if asked to."""
        score = float(trainer.callback_metrics.get("val/score", -math.inf))
        if score > self.best_score:
            self.best_score = score
            self._save(trainer, "best")
        self._save(trainer, "last")
        if self._shall_stop(trainer):
            raise _interruption(RunFolder(trainer.default_root_dir), self._asked or signal.SIGINT)

    def _shall_stop(self, trainer: Trainer) -> bool:
        # all processes must stop at the same step, whichever of them heard the signal
        return trainer.strategy.reduce_boolean_decision(self._asked is not None, all=False)

    def _save(self, trainer: Trainer, name: str) -> None:
        if not getattr(trainer, "fast_dev_run", False):  # Lightning's trial run leaves no trace
            trainer.save_checkpoint(RunFolder(trainer.default_root_dir).checkpoint(name))


def _interruption(folder: RunFolder, number: int) -> Interrupted:
    if folder.last.is_file():
        return Interrupted(f"stopped; resume: {folder.resume_command()}", number)
    return Interrupted("stopped before the first checkpoint", number)
