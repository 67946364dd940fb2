"""Resume `ctal predict`: find the inputs whose outputs are complete."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ctal.errors import InputError
from ctal.io.sources import Source
from ctal.io.video import video_comment
from ctal.networks import Network, describe


def record_of(source: Source, settings: Mapping[str, Any]) -> str:
    """Return the JSON text that identifies the outputs of a source: its path and all settings."""
    return json.dumps({"source": str(source.path), **settings}, sort_keys=True)


def fingerprint(network: Network) -> str:
    """Return a hash of a network: its class, arguments, tasks and weights."""
    found = hashlib.sha256(json.dumps(describe(network), sort_keys=True, default=str).encode())
    for name, tensor in sorted(network.state_dict().items()):
        found.update(name.encode())
        found.update(tensor.cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return found.hexdigest()[:32]


def is_complete(source: Source, files: list[Path], record: str) -> bool:
    """Return whether the outputs of a source are complete, so that it can be skipped.

    The files of an image are written one after the other, the one with the record first; each is
    whole or missing. An input that was changed later than its outputs is predicted again.

    Args:
        source: The source.
        files: Its output files, in the order in which they are written.
        record: The result of `record_of` for this source.

    Raises:
        InputError: A file exists that other settings or another input made, or another program.
    """
    existing = [file for file in files if file.exists()]
    if not existing:
        return False
    found = _read_record(files[0]) if files[0] in existing else None
    if source.camera is not None or _differing(found, record) != {}:
        others = f" (and {len(existing) - 1} more of this input)" if len(existing) > 1 else ""
        # without the record, it is unknown whether this command made the others
        alone = files[0] not in existing
        missing = f" without {files[0].name}" if alone else _difference(found, record)
        remedy = "remove it to predict this input again, " if alone else ""
        raise InputError(
            f"{existing[0]}: already exists{others}{missing}; {remedy}choose another --output, or "
            "pass --overwrite"
        )
    if len(existing) < len(files):
        return False
    stamps = [path.stat().st_mtime_ns for path in (source.path, *files)]
    return stamps == sorted(stamps)


def _read_record(file: Path) -> str | None:
    """Return the record in an output file; None if it has none."""
    if file.suffix == ".mp4":
        return video_comment(file)
    try:
        with np.load(file, allow_pickle=False) as content:
            return str(content["record"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _difference(found: str | None, record: str) -> str:
    """Return how two records differ, for a message."""
    differing = _differing(found, record) or {}
    other = differing.pop("source", None)
    origin = "" if other is None else f", made from {other}"
    return origin + (f" from other settings ({', '.join(differing)})" if differing else "")


def _differing(found: str | None, record: str) -> dict[str, Any] | None:
    """Return the values of the first record that differ from the second one.

    None: `found` is no record. Two paths of one file are the same source.
    """
    try:
        old, new = json.loads(found or ""), json.loads(record)
    except ValueError:
        return None
    if not isinstance(old, dict):
        return None
    different = {key: old.get(key) for key in new | old if old.get(key) != new.get(key)}
    source = different.get("source")
    if isinstance(source, str) and Path(source).resolve() == Path(new["source"]).resolve():
        del different["source"]
    return different
