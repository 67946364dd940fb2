"""One-line messages for library errors caused by a setting or the machine."""

from __future__ import annotations

import traceback

from ctal.config.reports import refusal
from ctal.errors import InputError, causes, first_line, one_line

_MEMORY = (
    "memory ran out; use a smaller data.batch_size, data.image_size or network, such as fewer "
    "model.network.init_args.channels"
)
_KNOWN = {
    "DataLoader worker (pid": "data.num_workers: a worker process was killed ({}), "
    "usually because memory ran out; use fewer workers (data.num_workers), and resume with "
    "--ckpt_path last",
    "can't allocate memory": f"{_MEMORY} ({{}})",
    "out of memory": f"{_MEMORY} ({{}})",
    "Overflow when unpacking long": "an integer is too large for a size ({})",
    "Expected more than 1 value per channel": "data.batch_size: batch normalization got one value "
    "per channel ({}); use a larger data.batch_size or data.image_size",
}
_LIGHTNING = (
    "lightning.pytorch.callbacks.",
    "lightning.pytorch.loggers.",
    "lightning.pytorch.tuner.",
)
_OPTIM = (RuntimeError, ValueError, ZeroDivisionError)
_KINDS = (AttributeError, ImportError, RuntimeError, ValueError)
EXPLAINABLE = (*_KINDS, TypeError, ZeroDivisionError)


def explained(error: Exception) -> InputError | None:
    """Return a message that explains a library error, or None if the cause is unknown.

    A constructor of the configuration may refuse its arguments. An error raised inside torch.optim
    is caused by the arguments of the optimizer or schedule. An error raised by callbacks and
    loggers of Lightning is caused by their settings, unless it passes through other code of ctal or
    through code of the user.
    """
    if reason := refusal(str(error)):
        return InputError(reason)
    text = " ".join(str(error).split())
    for beginning, message in _KNOWN.items():
        if isinstance(error, RuntimeError | TypeError | ValueError) and beginning in text:
            return InputError(message.format(one_line(first_line(error))))
    for cause in causes(error):
        if isinstance(cause, ImportError) and "install" in str(cause):
            return InputError(f"trainer: {one_line(str(cause))}")
    modules = [
        str(frame.f_globals.get("__name__")) for frame, _ in traceback.walk_tb(error.__traceback__)
    ]
    if modules and modules[-1].startswith("torch.optim"):
        key = "lr_scheduler" if "lr_scheduler" in modules[-1] else "optimizer"
        if isinstance(error, _OPTIM):
            return InputError(f"model.{key}: {text}; change its arguments or use another")
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
