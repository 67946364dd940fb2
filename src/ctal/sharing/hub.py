"""A model hub: networks that others gave away, and one's own given away."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import (
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
)

from ctal.errors import InputError, first_line
from ctal.networks import Network
from ctal.sharing.saved import CONFIG, WEIGHTS, write_saved

_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")


def is_hub_id(name: str) -> bool:
    """Whether a name that is no path could be `owner/name` on a hub.

    A path below a folder that exists is one that was mistyped: it must not be asked of a hub.
    """
    is_file_name = Path(name).suffix in (".ckpt", ".safetensors")
    return bool(_HUB_ID.fullmatch(name)) and not is_file_name and not Path(name).parent.exists()


def fetch(hub_id: str) -> Path:
    """The folder of a hub's network on this machine, fetched unless it is there already.

    Raises:
        InputError: the hub has no such repository, it holds no network of this package, or the hub
            cannot be reached.
    """
    try:
        folder = Path(snapshot_download(hub_id, allow_patterns=[CONFIG, WEIGHTS]))
    except RepositoryNotFoundError as error:
        raise InputError(
            f"{hub_id}: neither a path here nor a network on the hub (if it is private: `hf auth "
            "login`)"
        ) from error
    except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, OSError) as error:
        raise InputError(
            f"{hub_id}: no such path here, and the hub cannot be reached ({first_line(error)}); "
            "give the path of a folder that save_pretrained wrote, or of a checkpoint"
        ) from error
    missing = [name for name in (CONFIG, WEIGHTS) if not (folder / name).is_file()]
    if missing:
        raise InputError(f"{hub_id}: holds no network of ctal ({missing[0]} is not there)")
    return folder


def push(network: Network, about: dict[str, Any], hub_id: str, private: bool) -> str:
    """Writes a network's folder to a repository of a hub, which is made when missing.

    Returns:
        The repository's address.

    Raises:
        InputError: the hub cannot be reached, or does not let this person write there.
    """
    with tempfile.TemporaryDirectory() as folder:
        write_saved(network, about, Path(folder))
        try:
            api = HfApi()
            url = api.create_repo(hub_id, private=private, exist_ok=True)
            api.upload_folder(
                repo_id=hub_id, folder_path=folder, commit_message="Network written by ctal"
            )
        except Exception as error:  # its client lets through whatever its transport raises
            raise InputError(
                f"{hub_id}: cannot be written on the hub ({first_line(error)}); `hf auth login` "
                "tells it who you are, and save_pretrained writes the same files to a local folder"
            ) from error
    return str(url)
