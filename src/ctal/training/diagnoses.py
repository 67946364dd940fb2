"""Errors of libraries that a setting or the machine causes, in one line."""

from __future__ import annotations

import traceback
from collections.abc import Iterator

from ctal.errors import InputError, one_line

_KNOWN = {
    "DataLoader worker (pid": "data.num_workers: a process that reads samples was killed ({}), "
    "most often since memory ran out; use fewer workers or smaller batches, and resume with "
    "--ckpt_path last",
    "Expected more than 1 value per channel": "data.batch_size: batch normalization got one value "
    "per channel ({}); use a larger data.batch_size or data.image_size",
}
_LIGHTNING = (
    "lightning.pytorch.callbacks.",
    "lightning.pytorch.loggers.",
    "lightning.pytorch.tuner.",
)
_KINDS = (AttributeError, ImportError, RuntimeError, ValueError)


def explained(error: BaseException) -> InputError | None:
    """Return what a user can change to avoid an error of a library; None if that is unknown.

    An error that callbacks and loggers of Lightning raise is one of their settings. One that passes
    through other code of ctal, or through code of the user's, is not explained.
    """
    text = " ".join(str(error).split())
    for beginning, message in _KNOWN.items():
        if isinstance(error, RuntimeError | ValueError) and beginning in text:
            return InputError(message.format(text))
    for cause in _causes(error):
        if isinstance(cause, ImportError) and "install" in str(cause):
            return InputError(f"trainer: {one_line(str(cause))}")
    modules = [
        str(frame.f_globals.get("__name__")) for frame, _ in traceback.walk_tb(error.__traceback__)
    ]
    own = [
        index for index, name in enumerate(modules) if not name.startswith(("lightning.", "torch."))
    ]
    begun = own[-1] if own else 0
    raised_by = [name for name in modules[begun:] if name.startswith(_LIGHTNING)]
    if (
        isinstance(error, _KINDS)
        and modules[begun:][:1] == ["ctal.training.experiment"]
        and raised_by
    ):
        return InputError(f"trainer.callbacks or trainer.logger: {text}")
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
