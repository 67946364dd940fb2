"""Runs of a comparison: their remaining commands and their scores."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ctal.comparison.settings import scoring_protocol
from ctal.config.files import read_config
from ctal.errors import InputError
from ctal.evaluation.protocol import Protocol
from ctal.io.atomic import write_text
from ctal.io.checkpoint import is_same_checkpoint
from ctal.io.run_folder import RunFolder
from ctal.training.dry_run import rehearsed_settings

_SCORING = {"val": "validate", "test": "test"}


@dataclass(frozen=True)
class Run:
    """A run finished by `ctal fit`, to be evaluated.

    Attributes:
        name: the name of the run.
        folder: the run's folder.
        seed: the seed of weights, order and augmentation.
        split: the split to evaluate on: "test", or "val" if there is no test split.
    """

    name: str
    folder: Path
    seed: int
    split: str

    @property
    def trained(self) -> bool:
        """Whether training is complete.

        At the end `ctal fit` writes the scores on val or, without val, the best checkpoint.
        """
        if self._files.scores("val").is_file():
            return True
        ended = self._training().get("validated") is False
        return ended and self._files.best.is_file()

    def check(self) -> None:
        """Check that the run can be completed in its folder.

        Raises:
            InputError: Its training is incomplete, or the folder contains another run.
        """
        best = self._files.best
        if not (self.trained and best.is_file()):
            missing = "scores_val.json" if best.is_file() else f"checkpoints/{best.name}"
            raise InputError(
                f"{self.folder}: expected a finished run, but {missing} was not found; finish it "
                f"with {self._files.resume_command()}"
            )

    def prepare(self) -> None:
        """Prepare the folder for the commands."""

    def next_command(self) -> list[str] | None:
        """Return the arguments of the next `ctal` command, or None if the run is complete."""
        if self._is_scored():
            return None
        folder = str(self.folder)
        return [
            *(_SCORING[self.split], "--config", str(self._files.config)),
            *("--trainer.default_root_dir", folder),
        ]

    def scores(self) -> dict[str, float]:
        """Return the best checkpoint's scores, {"<task>/<metric>": number}; NaN without labels."""
        scores = json.loads(self._files.scores(self.split).read_text())["scores"]
        return {key: float("nan") if value is None else value for key, value in scores.items()}

    def training_cost(self) -> dict[str, float]:
        """Return "training_minutes" and "training_mib", as far as they are known."""
        content = self._training()
        if not content:
            return {}
        found = {"training_minutes": content["seconds"] / 60}
        memory = content["peak_memory_mib"]
        return found if memory is None else found | {"training_mib": memory}

    def settings(self) -> Mapping[str, Any]:
        """Return all settings of the run's training."""
        return read_config(self._files.config)

    def _training(self) -> dict[str, Any]:
        """Return the content of training.json, which `ctal fit` writes at the end; else empty."""
        file = self._files.training
        return json.loads(file.read_text()) if file.is_file() else {}

    @property
    def _files(self) -> RunFolder:
        return RunFolder(self.folder)

    def _is_scored(self) -> bool:
        """Return whether its scores belong to the current best checkpoint and to its protocol."""
        file, best = self._files.scores(self.split), self._files.best
        if not file.is_file() or file.stat().st_mtime_ns < best.stat().st_mtime_ns:
            return False
        content = json.loads(file.read_text())
        protocol = content.get("scoring", Protocol().plain())  # none before 0.2
        if protocol != scoring_protocol(read_config(self._files.config)).plain():
            return False
        return is_same_checkpoint(content["checkpoint"] or "", best)


@dataclass(frozen=True)
class Training(Run):
    """A run to be trained: one configuration, one seed, one folder.

    Attributes:
        config: the config file.
        overrides: additional settings of `ctal fit`, as KEY=VALUE.
        machine: settings specific to this machine, in the same form, for evaluation too.
    """

    config: Path
    overrides: Sequence[str]
    machine: Sequence[str] = ()

    def check(self) -> None:
        """Check that the folder belongs to this run or is unused.

        Raises:
            InputError: The folder contains another run.
        """
        file = self._files.request
        known = file.read_text() if file.is_file() else None
        if known == self._request() or not self._files.last.is_file():
            return  # a run that failed before its first checkpoint can be overwritten too
        raise InputError(
            f"{self.folder}: contains a run that `ctal compare` did not start; choose another "
            "--output"
            if known is None
            else f"{self.folder}: contains a run of {self.config.name} with other settings or "
            "overrides; remove it, or choose another --output"
        )

    def prepare(self) -> None:
        """Mark the folder as belonging to this run."""
        write_text(self._files.request, self._request())

    def next_command(self) -> list[str] | None:
        """Return the command to train or resume, then the one to evaluate."""
        if not self.trained:
            return self._fit()
        command = super().next_command()
        return command and [*command, *_options(self.machine)]

    def settings(self) -> Mapping[str, Any]:
        """Return all settings of the run; before training, from a dry run."""
        return super().settings() if self.trained else rehearsed_settings(self._fit(), self.config)

    def _fit(self) -> list[str]:
        args = ["fit", "--config", str(self.config), "--seed_everything", str(self.seed)]
        args += ["--trainer.default_root_dir", str(self.folder)]
        args += _options([*self.overrides, *self.machine])
        if self._files.last.is_file():
            args += ["--ckpt_path", "last"]
        return args

    def _request(self) -> str:
        """Return the requested settings, which identify the run."""
        content = {
            "config": read_config(self.config),
            "seed": self.seed,
            "overrides": list(self.overrides),
        }
        return json.dumps(content, indent=2, default=str) + "\n"


def _options(settings: Sequence[str]) -> list[str]:
    """Convert KEY=VALUE settings to command-line options."""
    return [f"--{setting.removeprefix('--')}" for setting in settings]
