"""Configuration files from elsewhere, which can run code by their `class_path`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path


def warn_of_foreign(files: Iterable[Path]) -> None:
    """Say once, on stderr, that files outside of the current directory can run code."""
    trusted = (Path.cwd().resolve(), Path(__file__).resolve().parents[1])  # that, and the package
    foreign = sorted(
        str(file)
        for file in files
        if not any(file.resolve().is_relative_to(folder) for folder in trusted)
    )
    if foreign:
        sys.stderr.write(
            f"config: {', '.join(foreign)}: outside of the current directory; a class_path imports "
            "and runs code, so use only files that you trust as you would a program\n"
        )
