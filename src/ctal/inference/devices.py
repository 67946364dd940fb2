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
        raise InputError(f"device: {str(device)!r} cannot be used ({first_line(error)})") from error
