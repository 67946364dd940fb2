"""The folder of a run: the paths of its files, and exclusive write access."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ctal.io.atomic import remove_partial, write_whole
from ctal.io.lock import locked

_SPLITS = ("train", "val", "test")


class RunFolder:
    """The files of a run, which `ctal fit` and later commands read and write.

    Args:
        path: The folder; may be missing.

    Attributes:
        path: The folder.
        config: All settings of the training, `config.yaml`.
        training: Duration and memory of a finished training, `training.json`.
        request: The request with which `ctal compare` started the run, `request.json`.
        val_panel: Predictions for images of val, `val.png`, if `images.file` is set.
        log: Output of the run's commands started by `ctal compare`, `log.txt`.
        best: The checkpoint with the highest `val/score`.
        last: The checkpoint from which the run resumes.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.config = self.path / "config.yaml"
        self.training = self.path / "training.json"
        self.request = self.path / "request.json"
        self.val_panel = self.path / "val.png"
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

    def image_scores(self, split: str) -> Path:
        """Return the path of the scores of each image of a split, the worst first."""
        return self.path / f"scores_{split}.csv"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the folder for this process, and remove temporary files of a killed process.

        Raises:
            InputError: Another command has locked it, or it cannot be written (also: full disk).
        """
        with locked(self.path):
            probe = self.path / "probe"
            remove_partial([*self._files(), probe], locked=True)
            write_whole(probe, lambda file: file.write(bytes(1 << 16)))
            probe.unlink(missing_ok=True)
            yield

    def _files(self) -> list[Path]:
        """Return the files of the run that `write_whole` writes."""
        written = [self.config, self.training, self.request, self.val_panel, self.best, self.last]
        written += [self.scores(split) for split in _SPLITS]
        return written + [self.image_scores(split) for split in _SPLITS]

    def resume_command(self) -> str:
        """Return the command that resumes the run."""
        return f"ctal fit --config {self.config} --ckpt_path last"
