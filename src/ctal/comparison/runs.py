"""The runs of a comparison: what is left to do of each, and what came out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ctal.config.files import read_config
from ctal.errors import InputError
from ctal.io.atomic import write_text
from ctal.io.checkpoint import is_same_checkpoint
from ctal.io.run_folder import RunFolder
from ctal.training.dry_run import rehearsed_settings

_SCORING = {"val": "validate", "test": "test"}


@dataclass(frozen=True)
class Run:
    """A run that `ctal fit` finished, to be scored.

    Attributes:
        name: what it is called.
        folder: the run's folder.
        seed: the seed of weights, order and augmentation.
        split: what to score on: "test", or "val" where there is no third split.
    """

    name: str
    folder: Path
    seed: int
    split: str

    @property
    def trained(self) -> bool:
        """Whether the training came to its end.

        There `ctal fit` writes the scores on val or, without val, the best checkpoint.
        """
        if self._files.scores("val").is_file():
            return True
        ended = self._training().get("validated") is False
        return ended and self._files.best.is_file()

    def check(self) -> None:
        """Look whether the run can be brought to its end here.

        Raises:
            InputError: its training never ended, or the folder holds another run.
        """
        best = self._files.best
        if not (self.trained and best.is_file()):
            missing = "scores_val.json" if best.is_file() else f"checkpoints/{best.name}"
            raise InputError(
                f"{self.folder}: expected a finished run, but there is no {missing}; end it with "
                f"{self._files.resume_command()}"
            )

    def begin(self) -> None:
        """Make the folder ready for the commands."""

    def next_command(self) -> list[str] | None:
        """The arguments of `ctal` that bring the run nearer to its end; None: it is there."""
        if self._is_scored():
            return None
        folder = str(self.folder)
        return [
            *(_SCORING[self.split], "--config", str(self._files.config)),
            *("--trainer.default_root_dir", folder),
        ]

    def scores(self) -> dict[str, float]:
        """The scores of the best checkpoint, {"<task>/<metric>": number}; NaN without a label."""
        scores = json.loads(self._files.scores(self.split).read_text())["scores"]
        return {key: float("nan") if value is None else value for key, value in scores.items()}

    def training_cost(self) -> dict[str, float]:
        """What its training took, {"training_minutes", "training_mib"}, as far as it is known."""
        content = self._training()
        if not content:
            return {}
        found = {"training_minutes": content["seconds"] / 60}
        memory = content["peak_memory_mib"]
        return found if memory is None else found | {"training_mib": memory}

    def settings(self) -> Mapping[str, Any]:
        """All settings that the run was, or will be, trained with."""
        return read_config(self._files.config)

    def _training(self) -> dict[str, Any]:
        """What `ctal fit` wrote of the training when that was at its end; nothing before."""
        file = self._files.training
        return json.loads(file.read_text()) if file.is_file() else {}

    @property
    def _files(self) -> RunFolder:
        return RunFolder(self.folder)

    def _is_scored(self) -> bool:
        """Whether its scores are those of its best checkpoint, as it is now."""
        file, best = self._files.scores(self.split), self._files.best
        if not file.is_file() or file.stat().st_mtime_ns < best.stat().st_mtime_ns:
            return False
        scored = json.loads(file.read_text())["checkpoint"] or ""
        return is_same_checkpoint(scored, best)


@dataclass(frozen=True)
class Training(Run):
    """One configuration, to be trained with one seed into one folder.

    Attributes:
        config: the configuration's file.
        overrides: further settings of `ctal fit`, as KEY=VALUE.
        machine: settings of this machine, in the same form, for the scoring too.
    """

    config: Path
    overrides: Sequence[str]
    machine: Sequence[str] = ()

    def check(self) -> None:
        """Look whether the folder is this run's, or free."""
        file = self._files.request
        known = file.read_text() if file.is_file() else None
        if known == self._request() or not self._files.last.is_file():
            return  # free too is that of a run which failed before its first checkpoint
        raise InputError(
            f"{self.folder}: holds a run that `ctal compare` did not start; choose another --output"
            if known is None
            else f"{self.folder}: holds a run of {self.config.name} with other settings or "
            "overrides; remove it, or choose another --output"
        )

    def begin(self) -> None:
        """Mark the folder as this run's."""
        write_text(self._files.request, self._request())

    def next_command(self) -> list[str] | None:
        """To train or resume, then to score."""
        if not self.trained:
            return self._fit()
        command = super().next_command()
        return command and [*command, *_options(self.machine)]

    def settings(self) -> Mapping[str, Any]:
        """All settings; before the training, by a rehearsal of it."""
        return super().settings() if self.trained else rehearsed_settings(self._fit(), self.config)

    def _fit(self) -> list[str]:
        args = ["fit", "--config", str(self.config), "--seed_everything", str(self.seed)]
        args += ["--trainer.default_root_dir", str(self.folder)]
        args += _options([*self.overrides, *self.machine])
        if self._files.last.is_file():
            args += ["--ckpt_path", "last"]
        return args

    def _request(self) -> str:
        """What was asked for, by which the run is known again."""
        content = {
            "config": read_config(self.config),
            "seed": self.seed,
            "overrides": list(self.overrides),
        }
        return json.dumps(content, indent=2, default=str) + "\n"


def _options(settings: Sequence[str]) -> list[str]:
    """KEY=VALUE as options of the command line."""
    return [f"--{setting.removeprefix('--')}" for setting in settings]
