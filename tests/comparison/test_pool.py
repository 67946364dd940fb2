"""Pool of runs whose commands are small scripts instead of `ctal` commands."""

import io
import json
import os
import signal
import sys
import threading
import time

import pytest

from ctal.comparison import pool, processes
from ctal.comparison.pool import complete
from ctal.errors import InputError, Interrupted

STEP = """
import json, pathlib, sys, time, os
folder = pathlib.Path(sys.argv[1])
mark = folder.parent / f"active-{folder.name}"
mark.touch()
time.sleep(0.4)
beside = len(list(folder.parent.glob("active-*")))
mark.unlink()
(folder / sys.argv[2]).write_text(json.dumps([beside, os.environ.get("OMP_NUM_THREADS")]))
"""


BAR = "Epoch 5:  50%|##  | 1/2 [00:01<00:01, 1.2it/s, train/loss=2.0]"


class Scripts:
    """A run that executes scripts, each of which writes a named file."""

    def __init__(self, folder, **scripts):
        self.name, self.folder, self.scripts = folder.name, folder, scripts
        self.begun = False

    def prepare(self):
        self.begun = True
        self.folder.mkdir()

    def next_command(self):
        left = [name for name in self.scripts if not (self.folder / name).exists()]
        return [self.scripts[left[0]], str(self.folder), left[0]] if left else None

    def read(self, name):
        return json.loads((self.folder / name).read_text())

    def log(self):
        return (self.folder / "log.txt").read_text()


@pytest.fixture(autouse=True)
def _scripts(monkeypatch):
    monkeypatch.setattr(processes, "PROGRAM", [sys.executable, "-c"])


def wait_for(path):
    end = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < end, path
        time.sleep(0.02)


@pytest.mark.parametrize("parallel", [1, 2])
def test_all_commands_run_with_limited_parallelism(parallel, tmp_path, monkeypatch):
    monkeypatch.setattr(processes.torch, "get_num_threads", lambda: 5)
    monkeypatch.delenv("OMP_NUM_THREADS")
    runs = [Scripts(tmp_path / f"run{i}", train=STEP, score=STEP) for i in range(3)]
    complete(runs, parallel)
    found = [run.read(name) for run in runs for name in ("train", "score")]
    assert max(beside for beside, _ in found) == parallel
    assert {threads for _, threads in found} == {None if parallel == 1 else "2"}
    assert [line for line in runs[0].log().splitlines() if line.startswith("$ ctal")]

    # complete runs are not started again
    again = [Scripts(run.folder, train=STEP, score=STEP) for run in runs]
    complete(again, parallel)
    assert not any(run.begun for run in again)


def test_requested_threads_are_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    runs = [Scripts(tmp_path / name, train=STEP) for name in "ab"]
    complete(runs, 2)
    assert [run.read("train")[1] for run in runs] == ["3", "3"]


def test_the_log_gets_lines_and_the_terminal_everything(tmp_path, monkeypatch):
    words = r"first\n\r 10%|#   | 1/9\x1b[A\r 20%|##  | 2/9\r\x1b[1mthird\x1b[0m\nlast\n"
    script = f"import sys; print('{words}', end=''); open(sys.argv[1] + '/done', 'w')"
    terminal = io.StringIO()
    monkeypatch.setattr(pool.sys, "stderr", terminal)
    run = Scripts(tmp_path / "run", done=script)
    complete([run])
    assert run.log().splitlines()[-3:] == ["first", "third", "last"]
    assert words.encode().decode("unicode_escape") in terminal.getvalue()
    terminal.truncate(0)
    complete([Scripts(tmp_path / name, done=script) for name in "ab"], 2)
    assert "third" not in terminal.getvalue()


def test_progress_is_the_text_before_the_bar(tmp_path):
    bar = r"print('\rEpoch 3:  45%|####    | 9/20\rEpoch 3:  50%', end='')"
    script = f"import time; {bar}; time.sleep(60)"
    command = processes.Command([script], tmp_path / "log.txt")
    end = time.monotonic() + 30
    while command.progress != "Epoch 3:  45%":
        assert time.monotonic() < end, command.progress
        time.sleep(0.02)
    command.kill()
    command.close()
    assert command.failure == "ended by SIGKILL"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("import sys; print('error: data: wrong', file=sys.stderr); sys.exit(2)", "data: wrong"),
        ("raise RuntimeError('a bug')", "RuntimeError: a bug"),
        (f"print('{BAR}error: [no]'); print('{BAR}'); exit(2)", "[no]"),
        ("import os; os.kill(os.getpid(), 9)", "ended by SIGKILL"),
        ("import sys; sys.exit(3)", "ended with code 3"),
        ("pass", "it wrote no scores"),
    ],
)
@pytest.mark.parametrize("parallel", [1, 3])
def test_a_failure_does_not_stop_the_others(script, reason, parallel, tmp_path, capsys):
    good = [Scripts(tmp_path / name, train=STEP) for name in ("a", "c")]
    bad = Scripts(tmp_path / "b", train=script, score=STEP)
    with pytest.raises(InputError) as caught:
        complete([good[0], bad, good[1]], parallel)
    told = str(caught.value)
    assert told.startswith("1 of 3 runs failed, the others are complete; b: ")
    assert f"b: {reason};" in told
    assert "\n" not in told
    assert all(run.read("train") for run in good)
    assert not (bad.folder / "score").exists()
    assert "b: failed: " in capsys.readouterr().err


SAVING = """
import pathlib, signal, sys, time
folder = pathlib.Path(sys.argv[1])
def save(number, frame):
    (folder / "saved").touch()
    sys.exit(143)
signal.signal(signal.SIGTERM, save)
(folder / "ready").touch()
time.sleep(60)
"""
DEAF = """
import os, pathlib, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
(pathlib.Path(sys.argv[1]) / "pid").write_text(str(os.getpid()))
(pathlib.Path(sys.argv[1]) / "ready").touch()
time.sleep(60)
"""


def signals(runs, *numbers):
    """Send signals to this process half a second apart, once the runs have started."""

    def send():
        for run in runs:
            wait_for(run.folder / "ready")
        for number in numbers:
            os.kill(os.getpid(), number)
            time.sleep(0.5)

    threading.Thread(target=send, daemon=True).start()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_all_runs_save(number, tmp_path):
    handler = signal.getsignal(number)
    runs = [Scripts(tmp_path / name, train=SAVING) for name in "abc"]
    signals(runs[:2], number)
    with pytest.raises(Interrupted, match="rerun the command to resume") as caught:
        complete(runs, 2)
    assert caught.value.number == number
    assert [(run.folder / "saved").exists() for run in runs] == [True, True, False]
    assert not runs[2].begun
    assert signal.getsignal(number) is handler


def test_a_second_signal_kills_the_runs(tmp_path):
    runs = [Scripts(tmp_path / name, train=DEAF) for name in "ab"]
    signals(runs, signal.SIGINT, signal.SIGINT)
    start = time.monotonic()
    with pytest.raises(Interrupted):
        complete(runs, 2)
    assert time.monotonic() - start < 30


def test_an_error_in_this_process_ends_all_runs(tmp_path):
    deaf = Scripts(tmp_path / "deaf", train=DEAF)

    class Broken(Scripts):
        def prepare(self):
            wait_for(deaf.folder / "ready")
            raise InputError("the disk is full")

    with pytest.raises(InputError, match="the disk is full"):
        complete([deaf, Broken(tmp_path / "broken", train=STEP)], 2)
    with pytest.raises(ProcessLookupError):
        os.kill(int((deaf.folder / "pid").read_text()), 0)
