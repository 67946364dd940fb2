"""Exit codes and one-line reports of what ended a command."""

from __future__ import annotations

import sys

from ctal.config.failed_imports import failed_import
from ctal.errors import InputError, Interrupted


def report(error: Exception) -> int:
    """Report a user error in one line, or raise the error again if it is a bug."""
    if isinstance(error, InputError):
        return print_line(f"error: {error}")
    if failure := failed_import(error):
        return print_line(f"error: {failure}")
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        return print_line(f"error: {place}{error.strerror}")
    if isinstance(error, OSError) and "in DataLoader worker process" in str(error):
        last = str(error).strip().splitlines()[-1]  # the others are its traceback
        return print_line(f"error: {last}")
    if isinstance(error, Interrupted):
        return print_line(f"\n{error}", code=128 + error.number)  # below the progress bar
    raise error


def print_line(line: str, code: int = 2) -> int:
    """Write a line to stderr, and return the exit code."""
    sys.stderr.write(line + "\n")
    return code
