"""Download and upload of saved networks from and to the Hugging Face hub."""

from __future__ import annotations

import re
from pathlib import Path

from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import (
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
)

from ctal.errors import InputError, first_line
from ctal.networks.saved_files import CONFIG, WEIGHTS

_ENDINGS = (".bin", ".ckpt", ".pt", ".pth", ".safetensors")  # of files with weights
_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")


def is_hub_id(name: str) -> bool:
    """Return whether a name that is not a path could be `owner/name` on the hub.

    A path in an existing folder is a misspelt path, for which the hub is not queried.
    """
    is_file_name = Path(name).suffix in _ENDINGS
    return bool(_HUB_ID.fullmatch(name)) and not is_file_name and not Path(name).parent.exists()


def fetch(hub_id: str) -> Path:
    """Return the local folder of a network on the hub, downloaded if necessary.

    Raises:
        InputError: the hub has no such repository, the repository has no network of this package,
            or the hub cannot be reached.
    """
    try:
        folder = Path(snapshot_download(hub_id, allow_patterns=[CONFIG, WEIGHTS]))
    except RepositoryNotFoundError as error:
        raise InputError(
            f"{hub_id}: expected a local path or a network on the hub, found neither; for a "
            "private one, log in with `hf auth login`"
        ) from error
    except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, OSError) as error:
        raise InputError(
            f"{hub_id}: not a local path, and the hub cannot be reached ({first_line(error)}); "
            "use the path of the folder of a run, of a checkpoint, or of a folder written by "
            "save_pretrained"
        ) from error
    missing = [name for name in (CONFIG, WEIGHTS) if not (folder / name).is_file()]
    if missing:
        raise InputError(
            f"{hub_id}: expected a network of ctal, got a repository without {missing[0]}"
        )
    return folder


def upload(folder: Path, hub_id: str, *, private: bool) -> str:
    """Upload the files of a folder to a repository of the hub, which is created if missing.

    Returns:
        The repository's address.

    Raises:
        InputError: the hub cannot be reached, or denies access.
    """
    try:
        api = HfApi()
        url = api.create_repo(hub_id, private=private, exist_ok=True)
        api.upload_folder(
            repo_id=hub_id, folder_path=folder, commit_message="Network written by ctal"
        )
    except Exception as error:  # its client raises any exception of its transport
        raise InputError(
            f"{hub_id}: cannot be uploaded to the hub ({first_line(error)}); log in with "
            "`hf auth login`, or save the same files to a local folder with save_pretrained"
        ) from error
    return str(url)
