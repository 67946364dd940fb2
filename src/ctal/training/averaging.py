"""Check for resuming runs with weight averaging (EMA)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lightning.pytorch import Callback
from lightning.pytorch.callbacks import WeightAveraging

from ctal.errors import InputError


def check_averaging(checkpoint: Mapping[str, Any], callbacks: Sequence[Callback]) -> None:
    """Check that a run with weight averaging is resumed with weight averaging.

    Its checkpoints contain the averaged weights as "state_dict", which is what loading a model
    uses, and the trained weights separately. Only the callback can resume from the latter.

    Args:
        checkpoint: content of the checkpoint to resume from.
        callbacks: callbacks of the resuming trainer.

    Raises:
        InputError: The run averages weights, but no callback does.
    """
    averaged = "current_model_state" in checkpoint
    averaging = any(isinstance(callback, WeightAveraging) for callback in callbacks)
    if averaged and not averaging:
        raise InputError(
            "trainer.callbacks: expected EMAWeightAveraging (or WeightAveraging), as in the run to "
            "resume, got no such callback; add it, or start a new run in another folder with "
            "--trainer.default_root_dir"
        )
