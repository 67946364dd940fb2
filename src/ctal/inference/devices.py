"""Availability of devices."""

from __future__ import annotations

import torch

from ctal.errors import InputError, first_line


def usable_device(device: str | torch.device) -> torch.device:
    """Return the device of this name.

    Raises:
        InputError: The device is not available.
    """
    try:
        values = torch.zeros(1, device=device)
        values.cpu()  # fails for "meta", which stores no values
        return values.device
    except (RuntimeError, AssertionError) as error:
        reason = first_line(error)
        if reason.startswith("Expected one of"):  # a list of all that torch was ever built for
            reason = "expected one such as cpu, cuda, cuda:1 or mps"
        raise InputError(f"device: {str(device)!r} cannot be used ({reason})") from error
