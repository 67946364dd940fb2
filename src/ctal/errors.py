"""The one exception that means: what was given is wrong, not the program."""

import re


def one_line(text: str) -> str:
    """A text, such as a file's name, with what would break its line or its printing escaped."""
    printable = text.encode("utf-8", "backslashreplace").decode()
    return re.sub(r"[\x00-\x1f\x7f]", lambda found: repr(found[0])[1:-1], printable)


def first_line(error: Exception) -> str:
    """What an exception of a library says, as much of it as belongs into a message of ours."""
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__


class InputError(ValueError):
    """A file, a value or a setting that the caller gave cannot be used.

    The message is one line and says what was expected, what came and, where it helps, what to do;
    it names the file or the key. The command line prints it as it is and exits with code 2.
    """

    def __init__(self, message: str) -> None:
        # A worker of a DataLoader hands its error over as a new one whose message is the whole
        # traceback; the line that was meant stands behind the name of a class of this module.
        own_line = re.split(rf"\b{re.escape(__name__)}\.\w+: ", message)[-1]
        super().__init__(one_line(own_line.strip()))


class UnreadableError(InputError):
    """A picture or video cannot be read, while others may be."""


class PredictionError(InputError):
    """A network gives no usable prediction for an image."""


class Interrupted(Exception):  # noqa: N818 - being asked to stop is no error
    """The person at the keyboard, or the cluster, asked a run to stop.

    Attributes:
        number: the signal's number.
    """

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.number = number
