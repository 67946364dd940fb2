"""Saved networks with a model card."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from ctal.io.atomic import write_text
from ctal.networks import Network
from ctal.networks.hub import upload
from ctal.networks.saved import write_network

CARD = "README.md"


def write_saved(
    network: Network, about: dict[str, Any], folder: Path, *, half: bool = False
) -> None:
    """Write a network and its model card to a folder. Files of these names are replaced.

    Args:
        network: the network.
        about: facts about its training, as `ctal.sharing.provenance` returns them.
        folder: the folder, created if missing.
        half: as in `write_network`.

    Raises:
        InputError: as of `write_network`.
    """
    from ctal.sharing.card import model_card  # imports torch's counter of operations

    write_network(network, folder, about=about, half=half)
    write_text(folder / CARD, model_card(network, about))


def push(network: Network, about: dict[str, Any], hub_id: str, private: bool) -> str:
    """Write a network and its model card to a repository of the model hub.

    Returns:
        The repository's address.

    Raises:
        InputError: as of `ctal.networks.hub.upload`.
    """
    with tempfile.TemporaryDirectory() as folder:
        write_saved(network, about, Path(folder))
        return upload(Path(folder), hub_id, private=private)
