"""Signals stop a command after cleanup."""

import gc
import signal
import time

import pytest

from ctal.errors import Interrupted
from ctal.io.signals import stopped_by_signals


class Stopping:
    """Receives a signal while Python destroys it."""

    def __del__(self):
        signal.raise_signal(signal.SIGTERM)


def test_a_signal_during_a_destructor_stops_too(capfd):
    cleaned = []

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
