"""Methods of networks that save, load and upload them, named as in Hugging Face libraries."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Self, cast

from ctal.errors import InputError

if TYPE_CHECKING:
    from ctal.networks.base import Network

# the functions are imported late, since what they save derives from this class


class Savable:
    """A network as a folder of `model.safetensors` and `config.json`.

    `ctal.load` reads the same folders. `ctal.inference.Model` has methods of the same names, which
    add a model card with the facts about the training.
    """

    def save_pretrained(self, folder: str | Path, *, half: bool = False) -> None:
        """Save the network to a folder. Files of these two names are replaced.

        Args:
            folder: the folder, created if missing.
            half: save float16 numbers, rounded to 3 digits, in half the space; loading converts
                them back to float32.

        Raises:
            InputError: the folder cannot be written, or float16 cannot hold a number.
        """
        from ctal.networks.saved import write_network

        write_network(cast("Network", self), Path(folder), half=half)

    @classmethod
    def from_pretrained(cls, source: str | Path) -> Self:
        """Load a saved network of this class, in evaluation mode; `Network` accepts any class.

        Args:
            source: a folder of `save_pretrained`, the weights file in it, or an id `owner/name` of
                the hub, from which it is downloaded.

        Raises:
            InputError: it is not found, cannot be read, or is a network of another class.
        """
        from ctal.networks.hub import fetch, is_hub_id
        from ctal.networks.saved import read_network

        path = Path(source)
        if not path.exists() and isinstance(source, str) and is_hub_id(source):
            path = fetch(source)
        network, _ = read_network(path)
        if not isinstance(network, cls):
            raise InputError(
                f"{source}: expected a {cls.__name__}, got a {type(network).__name__}; load it "
                f"with {type(network).__name__}.from_pretrained or ctal.load"
            )
        return network.eval()

    def push_to_hub(self, hub_id: str, *, private: bool = False) -> str:
        """Upload the files of `save_pretrained` to a repository of the hub.

        Args:
            hub_id: `owner/name`; the repository is created if missing.
            private: make a new repository private.

        Returns:
            The repository's address.

        Raises:
            InputError: the hub cannot be reached, or denies access.
        """
        from ctal.networks.hub import upload

        with tempfile.TemporaryDirectory() as folder:
            self.save_pretrained(folder)
            return upload(Path(folder), hub_id, private=private)
