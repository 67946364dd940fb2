"""Graceful shutdown on signals: clean up first, then exit with code 128 + n."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType, TracebackType

from ctal.errors import Interrupted

TERMINATING = ("SIGTERM", "SIGHUP")
"""Signals that by default end a process without cleanup."""

_PAUSE = 0.05  # seconds until a lost signal is repeated: the destructor has returned then


@contextmanager
def handled_signals(
    handle: Callable[[int], None], names: Sequence[str] = TERMINATING
) -> Iterator[None]:
    """Call a function on signals within this context.

    Forked processes (data workers) ignore them, since the main process ends those. Signals that are
    already ignored remain ignored, as SIGHUP under nohup, except Ctrl-C (SIGINT), which a shell
    ignores for every background command. This has no effect outside of the main thread, since
    Python handles signals only there.

    Args:
        handle: Function that is called with the signal's number.
        names: The signals; those that the system lacks are skipped (SIGHUP on Windows).
    """
    owner = os.getpid()

    def respond(number: int, frame: FrameType | None) -> None:
        if os.getpid() == owner:
            handle(number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    previous = {
        number: signal.signal(number, respond)
        for number in numbers
        if number == signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


class _Stop(BaseException):
    """Raised by a signal; not an Exception, which file readers would report as a broken file."""


@contextmanager
def stopped_by_signals(remedy: str = "") -> Iterator[None]:
    """Raise on SIGTERM and SIGHUP, as on Ctrl-C, so that cleanup code runs.

    Args:
        remedy: how to go on, for the message, also after Ctrl-C.

    Raises:
        Interrupted: A signal was received.
    """
    received: list[signal.Signals] = []
    again = _Again(received)

    def stop(number: int) -> None:
        received.append(signal.Signals(number))
        if not again.in_hook:  # where it would be lost
            raise _Stop

    names = (*TERMINATING, "SIGINT") if remedy else TERMINATING
    try:
        with handled_signals(stop, names), again.sent_if_lost():
            yield
    except _Stop:
        name = "Ctrl-C" if received[0] == signal.SIGINT else received[0].name
        message = f"stopped by {name}; {remedy}" if remedy else f"stopped by {name}"
        raise Interrupted(message, received[0]) from None


class _Again:
    """Sends a signal again that came while Python ran a destructor or a callback of its collector.

    Python prints exceptions of these and continues.

    Args:
        received: the signals so far.
    """

    def __init__(self, received: Sequence[signal.Signals]) -> None:
        self.in_hook = False
        self._received = received
        self._timers: list[threading.Timer] = []
        self._previous = sys.unraisablehook

    @contextmanager
    def sent_if_lost(self) -> Iterator[None]:
        """Watch for lost signals; one that is not sent again by the end is raised there."""
        sys.unraisablehook = self._respond
        try:
            yield
            if any(timer.is_alive() for timer in self._timers):
                raise _Stop
        finally:
            sys.unraisablehook = self._previous
            for timer in self._timers:
                timer.cancel()

    def _respond(self, lost: sys.UnraisableHookArgs) -> None:
        if lost.exc_type is not _Stop:
            self._previous(lost)
            return
        self.in_hook = True
        try:
            timer = threading.Timer(_PAUSE, _send, [self._received[-1]])
            timer.daemon = True
            self._timers.append(timer)
            timer.start()
        finally:
            self.in_hook = False


def _send(number: int) -> None:
    """Send a signal to the main thread, which it wakes where the system can do that."""
    main = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:
        signal.pthread_kill(main, number)
    else:
        signal.raise_signal(number)


def leave_stopping_to_the_main_process(worker: int) -> None:
    """Ignore Ctrl-C in a data worker: the main process receives it too, and ends the worker.

    The worker's sending thread may then fail with a closed pipe, which is ignored.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.excepthook = _without_closed_pipes


def _without_closed_pipes(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if not isinstance(error, OSError | EOFError):
        sys.__excepthook__(kind, error, trace)
