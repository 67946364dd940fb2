"""Models in the package, and the error about a checkpoint that does not exist."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from ctal.errors import InputError

DEFAULT = "nyuv2-lite2"
"""Name of the bundled model that commands use if no checkpoint is given."""


def bundled_models() -> dict[str, Path]:
    """Return the folders of the bundled models by name."""
    folder = Path(str(files("ctal") / "trained"))
    return {path.name: path for path in folder.iterdir()} if folder.is_dir() else {}


def not_found(file: Path) -> InputError:
    """Return the error about a checkpoint that does not exist."""
    names = ", ".join(sorted(bundled_models()))
    return InputError(
        f"{file}: checkpoint not found; expected a .ckpt file, the folder of a run, a folder "
        "written by save_pretrained, or an id owner/name of the model hub"
        + (f"; bundled models: {names}" if names else "")
    )


def check_checkpoint(source: str) -> None:
    """Check that a checkpoint exists if its name can only be that of a file or folder.

    Raises:
        InputError: it does not exist.
    """
    path = Path(source)
    is_path = path.is_absolute() or source.startswith(".") or path.suffix in (".ckpt", ".yaml")
    if is_path and not path.exists():
        raise not_found(path)
