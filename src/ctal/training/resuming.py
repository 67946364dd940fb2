"""Settings of a run that a resumed run has to keep, since the checkpoint replaces them."""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from ctal.compat import trainer_command
from ctal.errors import InputError
from ctal.tasks.serialization import plain
from ctal.training.averaging import check_averaging
from ctal.training.trainer_checks import callbacks_of

_KEY = "ctal_run"
_KEPT = (
    *("seed_everything", "model.optimizer", "model.lr_scheduler"),
    *("model.parameter_groups", "model.lr_interval"),
)
_SIZES = ("data.batch_size", "trainer.accumulate_grad_batches")
_OPTIMIZER, _SCHEDULER = (f"model.{name}.init_args." for name in ("optimizer", "lr_scheduler"))


def check_seed(seed: int) -> None:
    """Check that all random number generators accept a seed.

    Raises:
        InputError: it is out of range.
    """
    if not 0 <= seed < 1 << 32:
        raise InputError(f"seed_everything: expected an integer in 0..4294967295, got {seed}")


class RunSettings(Callback):
    """Save the settings that a resumed run has to keep, and refuse to resume with others.

    A checkpoint replaces seed, optimizer and schedule, so other values would be recorded in
    config.yaml without being used. Other settings (number of epochs, precision, callbacks) are
    used as given. The batch size may change where an epoch ends, unless a schedule that counts
    optimizer steps would lose its place; a smaller batch with as many times more
    `accumulate_grad_batches` keeps it.

    Args:
        settings: all settings of the run, as JSON.
    """

    def __init__(self, settings: str) -> None:
        values = dict(_flat(json.loads(settings)))
        kept = (*_KEPT, *_SIZES)
        self._own = {
            key: value for key, value in values.items() if f"{key}.".startswith(_dotted(kept))
        }
        self._given: list[tuple[Callback, dict[str, Any]]] = []

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add the settings as plain values."""
        checkpoint[_KEY] = self._own

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Compare the settings with those of the run to resume.

        Raises:
            InputError: one of them differs and cannot be used.
        """
        if trainer_command(trainer) != "fit":
            return
        check_averaging(checkpoint, callbacks_of(trainer))
        # callback states are loaded later
        self._given = [(callback, _arguments(callback)) for callback in callbacks_of(trainer)]
        saved = checkpoint.get(_KEY)
        if not isinstance(saved, Mapping):
            saved = _of_older(checkpoint, self._own)
        for key in [key for key in {**saved, **self._own} if key not in _SIZES]:
            if not _same(saved.get(key), self._own.get(key)):
                raise _changed(key, saved.get(key), self._own.get(key))
        self._check_sizes(saved, checkpoint)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Check that no state of a callback has replaced an argument of that callback.

        Raises:
            InputError: a state has, such as the patience of Lightning's EarlyStopping.
        """
        for callback, given in self._given:
            used = _arguments(callback)
            for name, value in given.items():
                if not _same(value, used.get(name)):
                    kind = type(callback).__name__
                    raise _changed(f"trainer.callbacks: {name} of {kind}", used.get(name), value)
        self._given = []

    def _check_sizes(self, saved: Mapping[str, Any], checkpoint: Mapping[str, Any]) -> None:
        """Check that the run can continue at its place with this batch size."""
        within = bool((checkpoint.get("DenseDataModule") or {}).get("batch"))
        of_older = "step" if "model.lr_scheduler" in self._own else "epoch"
        counts_steps = (checkpoint.get("optimization") or {}).get("interval", of_older) == "step"
        sizes = [{key: side.get(key) for key in _SIZES} for side in (saved, self._own)]
        if None in sizes[0].values():  # an older checkpoint
            return
        old, new = ({key: int(value or 1) for key, value in side.items()} for side in sizes)
        if within or (counts_steps and math.prod(old.values()) != math.prod(new.values())):
            for key in _SIZES:
                if old[key] != new[key]:
                    raise _changed(key, old[key], new[key])


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of nested mappings by dotted key."""
    if isinstance(value, Mapping) and value:
        for key, part in value.items():
            yield from _flat(part, f"{path}.{key}" if path else str(key))
    else:
        yield path, value


def _dotted(keys: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{key}." for key in keys)


def _of_older(checkpoint: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings in a checkpoint without a description; where it has none, the own."""
    optimizers = checkpoint.get("optimizer_states") or [{"param_groups": [{}]}]
    group = dict(optimizers[0]["param_groups"][0])
    group["lr"] = group.get("initial_lr")  # the current learning rate is set by the schedule
    schedule = dict((checkpoint.get("lr_schedulers") or [{}])[0])
    schedule.pop("last_epoch", None)  # the progress, not the argument
    saved = {key: value for key, value in own.items() if key not in _SIZES}
    if checkpoint.get("seed") is not None:
        saved["seed_everything"] = checkpoint["seed"]
    for prefix, state in ((_OPTIMIZER, group), (_SCHEDULER, schedule)):
        for key in [key for key in saved if key.startswith(prefix)]:
            if state.get(key.removeprefix(prefix)) is not None:
                saved[key] = state[key.removeprefix(prefix)]
    name, key = checkpoint.get("optimizer"), "model.optimizer.class_path"
    if name and str(own.get(key)).rpartition(".")[2] != name:
        saved[key] = name
    return saved


def _arguments(callback: Callback) -> dict[str, Any]:
    """Return the arguments of a callback that are attributes of it, as plain values."""
    values = vars(callback)
    kept = (bool, int, float, str)
    names = inspect.signature(type(callback).__init__).parameters
    return {name: values[name] for name in names if isinstance(values.get(name), kept)}


def _same(one: Any, other: Any) -> bool:
    return plain(one) == plain(other)


def _changed(key: str, saved: Any, own: Any) -> InputError:
    return InputError(
        f"{key}: expected {plain(saved)}, as in the run to resume, got {plain(own)}; keep the "
        "value, or start a new run in another folder with --trainer.default_root_dir"
    )
