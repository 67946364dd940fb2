"""One-line errors for training failures with a known cause."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ctal.compat import misconfiguration
from ctal.errors import InputError
from ctal.io.run_folder import RunFolder
from ctal.training.diagnoses import EXPLAINABLE, explained


def about_trainer(error: Exception) -> InputError:
    """Return a one-line error for invalid arguments of Lightning's trainer."""
    return InputError(f"trainer: {' '.join(str(error).split())}")


@contextmanager
def one_line_errors(folder: RunFolder) -> Iterator[None]:
    """Raise known errors of settings, files and libraries as one line; bugs keep their traceback.

    Args:
        folder: the folder of the run.

    Raises:
        InputError: the cause is a setting or a library.
        OSError: a file cannot be written; names the file, or the folder if unknown.
    """
    try:
        yield
    except InputError:
        raise
    except misconfiguration() as error:
        raise about_trainer(error) from error
    except OSError as error:  # TensorBoard's error does not name the file
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, error.filename or str(folder.path)) from error
    except EXPLAINABLE as error:
        if isinstance(error, ValueError) and "val_check_interval" in str(error):
            raise about_trainer(error) from error
        known = explained(error)
        if known is None:
            raise
        raise known from error
