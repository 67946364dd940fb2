"""Saving and uploading a trained network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ctal.networks import Network
from ctal.sharing import push, write_saved


class Shareable:
    """A network with metadata of its training, which can be saved and uploaded.

    Attributes:
        network: The network.
        about: Metadata of its training (`ctal.sharing.provenance`).
    """

    network: Network
    about: dict[str, Any]

    def save_pretrained(self, folder: str | Path, *, half: bool = False) -> None:
        """Save the network to a folder that `ctal.load` reads.

        The folder has `model.safetensors`, `config.json` and a model card, `README.md`, with
        tasks, data, training, scores, cost and licenses as far as they are known. Complete the
        card before you share the model.

        Args:
            folder: The folder, created if missing; files of these names in it are replaced.
            half: Save weights in float16, rounded to 3 digits, in half the space. A loaded network
                computes in float32 in any case.

        Raises:
            InputError: The folder cannot be written, or float16 cannot hold a weight.
        """
        write_saved(self.network, self.about, Path(folder), half=half)

    def push_to_hub(self, hub_id: str, *, private: bool = False) -> str:
        """Upload the files of `save_pretrained` to a repository of the model hub.

        Args:
            hub_id: `owner/name`; the repository is created if missing.
            private: Create a private repository.

        Returns:
            The address of the repository.

        Raises:
            InputError: The hub cannot be reached, or does not permit the upload.
        """
        return push(self.network, self.about, hub_id, private)
