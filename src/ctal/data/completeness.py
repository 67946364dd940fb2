"""Missing files of a dataset, and files that no sample uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from lightning.pytorch.utilities import rank_zero_warn

from ctal.data.base import DenseDataset
from ctal.errors import InputError, counted

_allowed = ContextVar("incomplete_allowed", default=False)


def incomplete_allowed() -> bool:
    """Return whether missing files are reported when their sample is read, not on opening."""
    return _allowed.get()


@contextmanager
def allowing_incomplete() -> Iterator[None]:
    """Allow opening datasets with missing files within this context."""
    token = _allowed.set(True)
    try:
        yield
    finally:
        _allowed.reset(token)


def check_folder(root: Path) -> None:
    """Check that the folder of a dataset exists.

    Raises:
        InputError: It is a file, or does not exist.
    """
    if not root.is_dir():
        found = "a file" if root.exists() else f"which does not exist in {Path.cwd()}"
        raise InputError(f"root: expected a folder, got {root}, {found}")


def check_present(paths: Sequence[Path], *, optional: bool = False, advice: str = "") -> None:
    """Check that files exist.

    Args:
        paths: The files, of all samples.
        optional: Whether samples may lack their file; at least one file must then exist.
        advice: Further text for the message if required files are missing.

    Raises:
        InputError: Files are missing, unless missing files are reported when their sample is read.
            All optional files are missing, which no sample would report.
    """
    missing = [path for path in paths if not path.is_file()]
    none = len(missing) == len(paths)
    if not missing or (optional and not none) or (incomplete_allowed() and not optional):
        return
    folder = missing[0].parent
    if not folder.is_dir():
        advice = f"; there is no folder {folder}, check the pattern"
    elif optional:
        advice = "; check the pattern"
    wanted = "at least one" if optional else "each"
    raise InputError(
        f"{missing[0]}: expected a file for {wanted} sample, {len(missing)} of {len(paths)} "
        f"missing{advice}"
    )


def warn_of_unused(datasets: Mapping[str, DenseDataset | None]) -> None:
    """Warn once about images and maps in the folders of datasets that no sample uses.

    Args:
        datasets: Datasets by split.
    """
    unused: dict[Path, str] = {}
    for split, dataset in datasets.items():
        if isinstance(dataset, DenseDataset):  # custom ones may derive from torch's Dataset
            for path, _ in dataset.unused_files():
                unused.setdefault(path, split)
    if unused:
        path, split = next(iter(unused.items()))
        rank_zero_warn(
            f"data.{split}: {counted(len(unused), 'file')} not used that may be images or "
            f"maps, such as {path}; `ctal data check` lists them"
        )


def warn_of_missing(tasks: Sequence[str], split: str) -> None:
    """Warn of tasks of the training split that another split lacks, if there are any."""
    if tasks:
        rank_zero_warn(
            f"data.{split}: has no {', '.join(tasks)}, unlike data.train; no score of "
            f"{split} will include {'it' if len(tasks) == 1 else 'them'}"
        )
