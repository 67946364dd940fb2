"""Provenance of a network: data, training and scores from the folder of its run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ctal.config.files import read_config
from ctal.errors import InputError
from ctal.io.checkpoint import is_same_checkpoint
from ctal.io.run_folder import RunFolder

SPLITS = ("test", "val")


def provenance(checkpoint: Path) -> dict[str, Any]:
    """Return data, training and scores of a checkpoint as plain values without local paths.

    Args:
        checkpoint: a checkpoint of a run; entries whose files are missing are omitted.

    Returns:
        Up to four entries: "data" ({split: dataset}), "training" (settings by name), "scores"
        ({metric: value}), "scored on" (the split of the scores).
    """
    about: dict[str, Any] = {}
    run = RunFolder.of_checkpoint(checkpoint)
    with suppress(InputError, KeyError, TypeError):  # a checkpoint may be anywhere
        settings = read_config(run.config)
        about = {"data": _data(settings["data"]), "training": _training(settings)}
    for split in SPLITS:  # test has precedence
        with suppress(OSError, ValueError, KeyError, TypeError):
            content = json.loads(run.scores(split).read_text(encoding="utf-8"))
            if is_same_checkpoint(content["checkpoint"], checkpoint):
                return {**about, "scores": dict(content["scores"]), "scored on": split}
    return about


def _data(data: Mapping[str, Any]) -> dict[str, str]:
    return {split: _origin(data[split]) for split in ("train", "val", "test") if data.get(split)}


def _origin(settings: Mapping[str, Any]) -> str:
    """Return the class of a dataset; for prepared arrays that of their source, if recorded."""
    from ctal.data import PreparedArrays  # imports lightning, which takes seconds
    from ctal.data.prepared import DESCRIPTION, read_description, source_name

    name = _name(settings["class_path"])
    folder = (settings.get("init_args") or {}).get("folder")
    if name == PreparedArrays.__name__ and folder:
        with suppress(InputError):  # the folder may be gone
            return source_name(read_description(Path(folder) / DESCRIPTION)) or name
    return name


def _training(settings: Mapping[str, Any]) -> dict[str, Any]:
    model, data, trainer = settings["model"], settings["data"], settings["trainer"]
    optimizer = model["optimizer"]
    chosen = {key: optimizer["init_args"].get(key) for key in ("lr", "weight_decay")}
    first = model.get("init_from")
    weights = first or (model["network"].get("init_args") or {}).get("pretrained", False)
    found = {
        "epochs": trainer.get("max_epochs"),
        "batch size": data.get("batch_size"),
        "optimizer": _name(optimizer["class_path"]),
        "learning rate": chosen["lr"],
        "weight decay": chosen["weight_decay"],
        "precision": trainer.get("precision") or "32",
        "augmentation": [_name(step["class_path"]) for step in data.get("augmentation") or []],
        "seed": settings.get("seed_everything"),
        # only the last part of a path: the others are private
        "fine-tuned from": Path(first).name if first else None,
        "encoder's first weights": Path(weights).name
        if isinstance(weights, str)
        else ("timm's" if weights else "random"),
    }
    return {key: value for key, value in found.items() if value not in (None, [])}


def _name(class_path: str) -> str:
    return class_path.rpartition(".")[2]
