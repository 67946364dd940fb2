"""Displays of progress with a clock of the test."""

import sys

import pytest

from ctal.io import progress


@pytest.fixture
def clock(monkeypatch):
    times = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: times[0])
    return times


def test_a_line_at_once_and_then_every_30_seconds(clock, capsys):
    shown = progress.display("training", 100)
    for step in range(1, 101):
        clock[0] = 100 + step
        shown.show(step, lambda step=step: f"step {step}")
    shown.close()
    assert capsys.readouterr().err.splitlines() == [
        "training: step 1",
        "training: step 31, 01:09 left",  # 69 steps of a second
        "training: step 61, 00:39 left",
        "training: step 91, 00:09 left",
    ]


def test_the_time_left_of_a_resumed_run_is_that_of_its_own_steps(clock, capsys):
    shown = progress.display("training", 100, 80)
    for step in (81, 85):
        clock[0] += 40
        shown.show(step, lambda: "x")
    # 5 steps in 80 seconds, 15 are left
    assert capsys.readouterr().err.splitlines()[-1] == "training: x, 04:00 left"


def test_a_run_without_a_limit_has_no_time_left(clock, capsys):
    shown = progress.display("training", None)
    for step in (1, 2):
        clock[0] += 40
        shown.show(step, lambda: "x")
    assert capsys.readouterr().err == "training: x\n" * 2


@pytest.mark.parametrize("how", ["terminal", "pipe to one"])
def test_a_bar_on_a_terminal(how, monkeypatch, capsys):
    if how == "terminal":
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    else:
        monkeypatch.setenv(progress.SHOW_BAR, "1")
    monkeypatch.setenv("COLUMNS", "120")
    shown = progress.display("training", 4)
    shown.show(1, lambda: "epoch 1/2, loss 2.5")
    shown.show(4, lambda: "epoch 2/2, loss 1.5")
    shown.close()
    written = capsys.readouterr().err
    assert "\rtraining   0%|        | [" in written
    assert "training  25%|██      | [00:00<" in written
    assert ", epoch 1/2, loss 2.5]" in written
    assert "training 100%|████████| [" in written
    assert written.endswith("\n")
