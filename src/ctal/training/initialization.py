"""The network of a training before its first step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ctal.errors import InputError
from ctal.networks import Network, initialize_from
from ctal.networks.memory import set_memory_format
from ctal.networks.transfer import encoders
from ctal.networks.transfer_report import Transfer


def prepare_network(network: nn.Module, init_from: str | None) -> str | None:
    """Give a network its first weights and put it in the state for training, in place.

    Args:
        network: The network.
        init_from: The trained network to take weights from, as in `ctal.load`; None: keep the
            weights.

    Returns:
        A line that says what was taken, and a warning if the encoder is random; None without
        `init_from`.

    Raises:
        InputError: The network does not derive from `Network`, or the trained one cannot be
            loaded, or nothing in it fits.
    """
    if not network.training:
        # as a whole, as `ctal.load` returns it; parts that are frozen on purpose stay as they are
        network.train()
    report = None if init_from is None else _initialize(network, init_from)
    set_memory_format(network, torch.channels_last)
    return report


def _initialize(network: nn.Module, init_from: str) -> str:
    if not isinstance(network, Network):
        raise InputError(
            "model.init_from: expected a network that derives from ctal.networks.Network, got "
            f"{type(network).__name__}; derive it from Network, or load its weights in Python"
        )
    try:
        report = initialize_from(network, init_from)
    except InputError as error:
        raise InputError(f"model.init_from: {error}") from error
    return f"{report}{_warning(network, report)}"


def _warning(network: Network, report: Transfer) -> str:
    """Return a second line if the encoder is neither that of the source nor pretrained."""
    parts = tuple(f"{path}." for path in encoders(network))
    is_taken = any(name.startswith(parts) for name in report.whole)
    if not parts or is_taken or network.arguments.get("pretrained"):
        return ""
    return (
        f"\nwarning: no weight of the encoder was taken from {report.source}, so it is random; "
        "remove model.network to train the network of the source, or set its "
        "argument pretrained (true, or a file)"
    )


@contextmanager
def without_sources(model: Any, checkpoint: Path | None) -> Iterator[None]:
    """Leave sources of first weights out of the settings for a while if a checkpoint is loaded.

    A checkpoint replaces all weights. The sources need not exist any more when a run is resumed or
    scored, but its config.yaml still names them.

    Args:
        model: The section `model` of the settings, a namespace.
        checkpoint: The checkpoint to be loaded; None: leave the settings as they are.
    """
    if checkpoint is None:
        yield
        return
    places: list[tuple[Any, str, Any]] = [(model, "init_from", None)]
    if str(model.network.class_path).startswith("ctal."):  # of others, the argument may mean more
        places.append((model.network.init_args, "pretrained", False))
    found = [(place, key, value) for place, key, value in places if getattr(place, key, None)]
    given = [getattr(place, key) for place, key, _ in found]
    for place, key, value in found:
        setattr(place, key, value)
    try:
        yield
    finally:
        for (place, key, _), value in zip(found, given, strict=True):
            setattr(place, key, value)
