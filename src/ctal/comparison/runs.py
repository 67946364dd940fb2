"""The runs of a comparison: trained, resumed or found finished, then scored once."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentParser

from ctal import cli
from ctal.arguments import read_config
from ctal.checkpoint_file import checkpoint_path
from ctal.data import DenseDataModule
from ctal.errors import InputError
from ctal.files import write_text

_SAME_DATA = ("train", "val", "test", "tasks", "image_size")


@dataclass(frozen=True)
class Run:
    """One configuration, to be trained with one seed into one folder.

    Attributes:
        config: the configuration's file.
        seed: the seed of weights, order and augmentation.
        folder: the run's folder.
        overrides: further settings of `ctal fit`, as KEY=VALUE.
        split: "test", or "val" where there is no third split.
    """

    config: Path
    seed: int
    folder: Path
    overrides: Sequence[str]
    split: str

    def complete(self) -> dict[str, float]:
        """Does what is left to do, and returns the scores of the best checkpoint.

        Raises:
            InputError: the folder holds another run.
            SystemExit: training or scoring ended early; the reason has been told.
        """
        self._claim_folder()
        if not self._score_file("val").is_file():  # which `ctal fit` writes at its end
            self._fit()
        file = self._score_file(self.split)
        if not file.is_file():
            folder = ["--trainer.default_root_dir", str(self.folder)]
            _call([self.split, "--config", str(self.folder / "config.yaml"), *folder])
        scores = json.loads(file.read_text())["scores"]
        return {key: float("nan") if value is None else value for key, value in scores.items()}

    def settings(self) -> Mapping[str, Any]:
        """All settings that the run was trained with."""
        return read_config(self.folder / "config.yaml")

    def _fit(self) -> None:
        seed, folder = str(self.seed), str(self.folder)
        args = ["fit", "--config", str(self.config), "--seed_everything", seed]
        args += ["--trainer.default_root_dir", folder]
        args += [f"--{override.removeprefix('--')}" for override in self.overrides]
        if checkpoint_path(self.folder, "last").is_file():
            args += ["--ckpt_path", "last"]
        _call(args)

    def _score_file(self, split: str) -> Path:
        return self.folder / f"scores_{split}.json"

    def _claim_folder(self) -> None:
        """Marks the folder as this run's, or looks whether it is."""
        file = self.folder / "request.json"
        known = file.read_text() if file.is_file() else None
        wanted = {
            "config": read_config(self.config),
            "seed": self.seed,
            "overrides": list(self.overrides),
        }
        text = json.dumps(wanted, indent=2, default=str) + "\n"
        if known == text:
            return
        if checkpoint_path(self.folder, "last").is_file():
            raise InputError(
                f"{self.folder}: holds a run that `ctal compare` did not start; "
                "choose another --output"
                if known is None
                else f"{self.folder}: holds a run of {self.config.name} with other settings or "
                "overrides; remove it, or choose another --output"
            )
        write_text(file, text)  # also over that of a run which failed before its first checkpoint


def import_classes(settings: Any) -> None:
    """Imports the module of each class that the settings of a run name, as its training did."""
    if isinstance(settings, Mapping):
        if isinstance(path := settings.get("class_path"), str):
            importlib.import_module(path.rpartition(".")[0])
        settings = list(settings.values())
    for item in settings if isinstance(settings, list) else ():
        import_classes(item)


def data_module(settings: Mapping[str, Any]) -> DenseDataModule:
    """The data of a run, from all of its settings."""
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(DenseDataModule, "data")
    parsed = parser.parse_object({"data": settings["data"]})
    return parser.instantiate(parsed).data


def configurations(files: Sequence[str], reference: str | None, split: str) -> dict[str, Path]:
    """The configurations to compare by the stems of their files, the reference first.

    Raises:
        InputError: one cannot be read, two have the same stem, the reference is not among them, or
            their data differ, so that their scores say nothing about each other.
    """
    paths = {Path(file).stem: Path(file) for file in files}
    if len(paths) < len(files):
        raise InputError(f"configs: expected different names, got {', '.join(map(str, files))}")
    reference = reference or next(iter(paths))
    if reference not in paths:
        raise InputError(f"reference: expected one of {', '.join(paths)}, got {reference!r}")
    if split not in ("test", "val"):
        raise InputError(f"split: expected test or val, got {split!r}")
    data = {name: read_config(path).get("data") or {} for name, path in paths.items()}
    for name, settings in data.items():
        if not isinstance(settings, dict):
            raise InputError(f"{paths[name]}: data: expected a mapping, got {settings!r}")
        for key in _SAME_DATA:
            if settings.get(key) != data[reference].get(key):
                raise InputError(
                    f"{paths[name]}: its data.{key} is not that of {paths[reference]}; "
                    "only networks on the same data can be compared"
                )
    for needed in ("val", split):
        if not data[reference].get(needed):
            raise InputError(
                f"{paths[reference]}: has no data.{needed}; the best checkpoint is chosen on val, "
                "and scored on test, or on val with --split val"
            )
    return {reference: paths[reference]} | paths


def _call(args: list[str]) -> None:
    """Runs a command of `ctal`, and leaves with its code if it fails."""
    code = cli.main(args)
    if code:
        raise SystemExit(code)
