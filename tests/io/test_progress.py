"""Displays of progress with a clock of the test."""

import contextlib
import os
import subprocess
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
    shown.close("100 steps")
    assert capsys.readouterr().err.splitlines() == [
        "training: step 1",
        "training: step 31, 01:09 left",  # 69 steps of a second
        "training: step 61, 00:39 left",
        "training: step 91, 00:09 left",
        "training: 100 steps",
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
    shown.close("4 steps, loss 1.5")
    written = capsys.readouterr().err
    assert "\rtraining   0%|        | [" in written
    assert "training  25%|██      | [00:00<" in written
    assert ", epoch 1/2, loss 2.5]" in written
    assert "training 100%|████████| [" in written
    assert written.endswith("\n")
    assert written.rstrip().endswith(", 4 steps, loss 1.5]")


DETAIL = "epoch 3/16, validation batch 12/99, loss 1.23, semseg 45.6, depth 0.456, normals 23.4"
SCORES = "epoch 3/16, loss 1.23, semseg 45.6, depth 0.456, normals 23.4"


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (130, f"training  25%|██      | [00:10<00:30, {DETAIL}]"),
        (124, f"training  25%|██      | [00:10<00:30, {DETAIL}]"),
        (123, f" 25% 00:10<00:30, {DETAIL}"),
        (80, f" 25% 00:10<00:30, {SCORES}"),
        (60, " 25% 00:10<00:30, epoch 3/16, loss 1.23, semseg 45.6"),
        (40, " 25% 00:10<00:30, epoch 3/16, loss 1.23"),
        (20, " 25% 00:10<00:30, ep"),
    ],
)
def test_a_narrow_terminal_shows_whole_numbers(width, expected, monkeypatch, capsys):
    """Parts are left out, the least important ones first, instead of cut off."""
    monkeypatch.setenv(progress.SHOW_BAR, "1")
    monkeypatch.setenv("COLUMNS", str(width))
    now = [1000.0]
    monkeypatch.setattr("tqdm.std.time", lambda: now[0])
    shown = progress.display("training", 4)
    now[0] += 10
    shown.show(1, lambda: DETAIL)
    state = capsys.readouterr().err.split("\r")[-1]
    assert state.rstrip(" ") == expected
    assert len(state) <= width


TRAINING = f"""
from ctal.io.progress import display
shown = display("training", 4)
shown.show(1, lambda: {DETAIL!r})
"""


@pytest.mark.skipif(os.name != "posix", reason="a pseudo-terminal")
@pytest.mark.parametrize(("width", "shows"), [(80, "normals 23.4"), (60, "semseg 45.6")])
@pytest.mark.parametrize("how", ["size of the terminal", "COLUMNS"])
def test_the_width_of_a_real_terminal(width, shows, how):
    import fcntl
    import pty
    import struct
    import termios

    parent, child = pty.openpty()
    rows = (24, width) if how == "size of the terminal" else (0, 0)
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("4H", *rows, 0, 0))
    environment = {**os.environ, "COLUMNS": str(width), "PYTHONPATH": os.pathsep.join(sys.path)}
    if how == "size of the terminal":
        environment["COLUMNS"] = "200"
    subprocess.run([sys.executable, "-c", TRAINING], stderr=child, env=environment, check=True)
    os.close(child)
    written = b""
    with contextlib.suppress(OSError):  # the end of a pseudo-terminal
        while chunk := os.read(parent, 1 << 16):
            written += chunk
    os.close(parent)
    states = [state.rstrip() for state in written.decode().split("\r")]
    assert all(len(state) <= width for state in states)
    assert any(state.endswith(shows) for state in states)
