"""Signals stop a command after cleanup."""

import gc
import signal
import time
from threading import Timer

import pytest

from ctal.errors import Interrupted
from ctal.io.signals import stopped_by_signals


class Stopping:
    """Receives a signal while Python destroys it."""

    def __del__(self):
        signal.raise_signal(signal.SIGTERM)


def test_a_signal_during_a_destructor_stops_too(capfd):
    cleaned = []
    start = time.monotonic()

    @stopped_by_signals()
    def work():
        stopping = Stopping()
        try:
            del stopping  # Python ignores exceptions here
            time.sleep(10)
        finally:
            cleaned.append(True)

    with pytest.raises(Interrupted, match="stopped by SIGTERM"):
        work()
    assert cleaned
    assert time.monotonic() - start < 5  # it wakes the main thread
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert capfd.readouterr().err == ""


def test_other_errors_of_destructors_are_reported_as_before(monkeypatch):
    class Failing:
        def __del__(self):
            raise ValueError("closed twice")

    reported = []
    monkeypatch.setattr("sys.unraisablehook", lambda lost: reported.append(str(lost.exc_value)))
    with stopped_by_signals():
        failing = Failing()
        del failing
        gc.collect()
    assert reported == ["closed twice"]


def test_a_signal_that_is_lost_at_the_end_is_raised_there():
    @stopped_by_signals()
    def work():
        stopping = Stopping()
        del stopping

    with pytest.raises(Interrupted, match="stopped by SIGTERM"):
        work()
    time.sleep(0.2)  # no second signal, which would end this process


def test_a_second_signal_while_the_first_is_handled(monkeypatch):
    start = Timer.start

    def slow(timer):
        signal.raise_signal(signal.SIGTERM)
        start(timer)

    monkeypatch.setattr(Timer, "start", slow)

    @stopped_by_signals()
    def work():
        stopping = Stopping()
        del stopping
        time.sleep(10)

    began = time.monotonic()
    with pytest.raises(Interrupted, match="stopped by SIGTERM"):
        work()
    assert time.monotonic() - began < 5
