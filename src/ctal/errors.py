"""Exceptions for invalid input, as opposed to bugs, and the wording of messages."""

import re
import warnings
from collections.abc import Iterator
from pathlib import Path

_PACKAGE = str(Path(__file__).parent)


def one_line(text: str) -> str:
    """Escape line breaks and unprintable characters of a text, such as a file name."""
    printable = text.encode("utf-8", "backslashreplace").decode()
    return re.sub(r"[\x00-\x1f\x7f]", lambda found: repr(found[0])[1:-1], printable)


def counted(count: int, noun: str) -> str:
    """Return a number with its noun, such as "1 image" or "3 images"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def first_line(error: Exception) -> str:
    """Return the first line of a library's exception, for use in an error message."""
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__


def shorten_warnings() -> None:
    """Print warnings of this package as one line, without the place in the code.

    For the command line. A format that is set later, such as Lightning's when it is imported, keeps
    this one for files that are not its own.
    """
    usual = warnings.formatwarning
    if usual.__module__ == __name__:
        return  # each command in one process would wrap that of the last one

    def formatted(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        line: str | None = None,
    ) -> str:
        if filename.startswith(_PACKAGE):
            return f"warning: {one_line(str(message))}\n"
        return usual(message, category, filename, lineno, line)

    warnings.formatwarning = formatted


class InputError(ValueError):
    """Invalid file, value or setting of the caller.

    The message is one line: the file or key, what was expected, what it got and, where it
    helps, what to do. The command line prints it unchanged and exits with code 2.
    """

    def __init__(self, message: str) -> None:
        # A worker of a DataLoader raises its error again with a message that is the whole
        # traceback; the original message follows the name of a class of this module.
        own_line = re.split(rf"\b{re.escape(__name__)}\.\w+: ", message)[-1]
        super().__init__(one_line(own_line.strip()))


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error, the one that it was raised from or while handling, and so on."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


class UnreadableError(InputError):
    """Unreadable image or video; others may be readable."""


class PredictionError(InputError):
    """Unusable prediction of a network for an image."""


class Interrupted(Exception):  # noqa: N818 - being asked to stop is no error
    """Request of the user or the cluster to stop a run.

    Attributes:
        number: the signal's number.
    """

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.number = number
