"""The folder of a run: where each of its files is, and who may write to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ctal.io.atomic import write_whole
from ctal.io.lock import locked

# the files that a run writes whole, each beside its place first (see `write_whole`)
_PART = re.compile(
    r"\.(config\.yaml|training\.json|scores_\w+\.json|request\.json|probe|(best|last)\.ckpt)"
    r"\.\d+\.part"
)


class RunFolder:
    """The files of a run, as `ctal fit` and the commands after it read and write them.

    Args:
        path: The folder; it need not exist.

    Attributes:
        path: The folder.
        config: All settings of the training, `config.yaml`.
        training: Duration and memory of a finished training, `training.json`.
        request: What `ctal compare` was asked for when it started the run, `request.json`.
        log: The output of the run's commands that `ctal compare` started, `log.txt`.
        best: The checkpoint with the highest `val/score`.
        last: The checkpoint from which the run resumes.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.config = self.path / "config.yaml"
        self.training = self.path / "training.json"
        self.request = self.path / "request.json"
        self.log = self.path / "log.txt"
        self.best = self.checkpoint("best")
        self.last = self.checkpoint("last")

    @classmethod
    def of_checkpoint(cls, checkpoint: str | Path) -> RunFolder:
        """Return the folder of the run that wrote a checkpoint."""
        return cls(Path(checkpoint).parent.parent)

    def checkpoint(self, name: str) -> Path:
        """Return the path of a checkpoint, "best" or "last"."""
        return self.path / "checkpoints" / f"{name}.ckpt"

    def scores(self, split: str) -> Path:
        """Return the path of the scores on a split, "val" or "test"."""
        return self.path / f"scores_{split}.json"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for this process alone, and remove what a killed one was writing.

        Raises:
            InputError: Another command holds it, or it cannot be written (a full disk, too).
        """
        with locked(self.path):
            for folder in (self.path, self.last.parent):
                for file in folder.glob(".*.part"):
                    if _PART.fullmatch(file.name):
                        file.unlink(missing_ok=True)
            probe = self.path / "probe"
            write_whole(probe, lambda file: file.write(bytes(1 << 16)))
            probe.unlink(missing_ok=True)
            yield

    def resume_command(self) -> str:
        """Return the command that resumes the run."""
        return f"ctal fit --config {self.config} --ckpt_path last"
