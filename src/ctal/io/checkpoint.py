"""Read plain values and tensors of checkpoints, without executing code from the file."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from ctal.errors import InputError, first_line


def is_same_checkpoint(one: str | Path, other: str | Path) -> bool:
    """Return whether two paths name the same checkpoint of one run.

    The run's folder is not compared, since it may have been moved.
    """
    return Path(one).parts[-2:] == Path(other).parts[-2:]


def read_checkpoint(path: str | Path, *keys: str) -> dict[str, Any]:
    """Read a checkpoint that contains only plain values and tensors, to the CPU.

    Args:
        path: The file.
        keys: Required keys, with values that are not empty.

    Raises:
        InputError: The file is not found, is damaged, contains pickled code, or lacks a key.
    """
    if not Path(path).is_file():
        raise InputError(f"{path}: checkpoint not found")
    if not zipfile.is_zipfile(path):
        raise InputError(
            f"{path}: not a checkpoint (truncated, or another kind of file); expected one written "
            "by `ctal fit`, or the folder of its run"
        )
    try:
        with zipfile.ZipFile(path) as archive:
            _check_packing(archive, path)
            damaged = archive.testzip()  # torch does not verify the checksums
        if damaged is not None:
            raise InputError(f"{path}: not a checkpoint ({damaged} in it is damaged)")
        content = torch.load(path, map_location="cpu", weights_only=True)
    except InputError:
        raise
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{path}: refused, since it contains pickled code, which loading would execute; "
            "expected a checkpoint of plain values and tensors, as written by `ctal fit`"
        ) from error
    except Exception as error:  # a damaged archive fails in many ways
        raise InputError(f"{path}: not a checkpoint ({first_line(error)})") from error
    _check_keys(content, path, keys)
    return content


def _check_packing(archive: zipfile.ZipFile, path: str | Path) -> None:
    """Refuse an archive that is larger when unpacked; torch stores tensors uncompressed."""
    size = sum(entry.file_size for entry in archive.infolist())
    if size > Path(path).stat().st_size:
        raise InputError(
            f"{path}: refused, since it would unpack to {size / 1e6:,.0f} MB; expected an "
            "uncompressed checkpoint, as written by `ctal fit`"
        )


def _check_keys(content: Any, path: str | Path, keys: Sequence[str]) -> None:
    missing = [key for key in keys if not isinstance(content, dict) or _is_empty(content.get(key))]
    if missing[:1] == ["ctal"] and isinstance(content, dict) and "state_dict" in content:
        raise InputError(
            f"{path}: expected a network that derives from ctal.networks.Network, whose "
            "checkpoints describe how to build it; this one does not"
        )
    if missing:
        raise InputError(
            f"{path}: expected a checkpoint written by `ctal fit`, got one without {missing[0]!r}"
        )


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str | dict | list) and not value)
