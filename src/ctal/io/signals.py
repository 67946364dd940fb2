"""What being told to stop means for a command that has something to clear away first."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType

from ctal.errors import Interrupted

# Windows has no SIGHUP
_SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


class _Stop(BaseException):
    """What a signal raises: no Exception, which a reader of files would take for a broken file."""


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Lets SIGTERM and SIGHUP raise, as Ctrl-C does, so that what clears away is run.

    Raises:
        Interrupted: one of them came.
    """
    owner = os.getpid()
    came = []

    def stop(number: int, frame: FrameType | None) -> None:
        if os.getpid() == owner:  # a worker, which inherits this, is ended by the main process
            came.append(signal.Signals(number))
            raise _Stop

    if threading.current_thread() is not threading.main_thread():
        yield  # Python gives signals to the main thread alone
        return
    # what is ignored stays so: nohup ignores SIGHUP
    heard = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    previous = {number: signal.signal(number, stop) for number in heard}
    try:
        yield
    except _Stop:
        raise Interrupted(f"stopped by {came[0].name}", came[0]) from None
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def leave_stopping_to_the_main_process(worker: int) -> None:
    """For a process that reads samples: Ctrl-C reaches it too, but the main process ends it.

    What it was about to hand over then meets a closed pipe, in a thread of its own.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.excepthook = _without_closed_pipes


def _without_closed_pipes(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if not isinstance(error, OSError | EOFError):
        sys.__excepthook__(kind, error, trace)
