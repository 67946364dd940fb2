"""A process for a command of `ctal`: its lines are logged, its progress bar is displayed."""

from __future__ import annotations

import io
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, TextIO

import torch

# -P, as `ctal` does: a file in the folder of work must not hide an installed module
PROGRAM = [sys.executable, "-P", "-m", "ctal.comparison.child"]
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
"""Control sequences of a terminal, for the cursor and for colors."""
_BAR = re.compile(r"^.*\|.*\| .*?\[[^]]*<[^]]*\]")
"""A state of tqdm's bar."""


class Command:
    """A command of `ctal` in a process of its own, which ends when this one does.

    Args:
        args: the command and its arguments.
        log: the file that gets its lines, after those that are there already.
        relay: where all that it says is passed on to, its progress bar too.
        share: the number of commands that run beside each other and share the processor.
    """

    def __init__(
        self, args: Sequence[str], log: Path, relay: TextIO | None = None, share: int = 1
    ) -> None:
        words = log.open("a", encoding="utf-8")  # first, since it may fail
        # a session of its own: Ctrl-C in the terminal comes to the comparison, which passes it on
        self._process = subprocess.Popen(
            [*PROGRAM, *args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=_environment(share),
            start_new_session=True,
        )
        assert self._process.stdout is not None
        self._output = Output(self._process.stdout, words, f"$ ctal {shlex.join(args)}", relay)

    def poll(self) -> int | None:
        """The exit code; None as long as it runs."""
        return self._process.poll()

    def ask_to_stop(self) -> None:
        """Ask it to save its state and stop."""
        self._process.terminate()

    def kill(self) -> None:
        """Kill the process and all that it started."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Wait for its end and for the rest of its output."""
        self._process.wait()
        self._output.join()
        assert self._process.stdin is not None
        self._process.stdin.close()

    @property
    def progress(self) -> str:
        """The text of its progress bar; "" if it has none."""
        return self._output.bar.partition("|")[0].strip()

    @property
    def failure(self) -> str:
        """The reason of its failure, in one line."""
        code = self._process.wait()
        with suppress(ValueError):  # of a signal without a name
            if code < 0:
                return f"ended by {signal.Signals(-code).name}"
        return self._output.last.removeprefix("error: ") or f"ended with code {code}"


class Output:
    """Read the output of a process until it ends, in a thread, so that it never blocks.

    Attributes:
        last: the last line that is no bar.
        bar: the last state of its progress bar.
    """

    def __init__(self, pipe: IO[bytes], log: TextIO, title: str, relay: TextIO | None) -> None:
        self.last = self.bar = ""
        self._log, self._relay = log, relay
        _write(log, title + "\n")
        self._thread = threading.Thread(target=self._read, args=[pipe], daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait for the end, but not for a data worker that outlives its run."""
        self._thread.join(timeout=10)
        with suppress(OSError):
            self._log.close()

    def _read(self, pipe: IO[bytes]) -> None:
        # newline="": lines that end with "\r" are the states of a progress bar, and stay apart
        for line in io.TextIOWrapper(pipe, encoding="utf-8", errors="replace", newline=""):
            if self._relay is not None:
                _write(self._relay, line)
            text = _CONTROL.sub("", line).strip()
            if line.endswith("\r"):
                self.bar = text or self.bar
                continue
            words = _BAR.sub("", text)  # an error is told behind the bar, in its line
            self.last = words or self.last
            for part in filter(None, (text.removesuffix(words), words)):
                _write(self._log, part + "\n")


def _write(file: TextIO, text: str) -> None:
    # a full disk, a closed terminal: reading must go on all the same, else the run would wait
    with suppress(OSError, ValueError):
        file.write(text)
        file.flush()


def _environment(share: int) -> dict[str, str]:
    """The environment of one of `share` commands at a time."""
    variables = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),  # it imports what this one can
        "PYTHONUNBUFFERED": "1",
        "COLUMNS": str(shutil.get_terminal_size().columns),  # its bar cannot ask a pipe
    }
    if share > 1:
        variables.setdefault("OMP_NUM_THREADS", str(max(1, torch.get_num_threads() // share)))
    return variables
