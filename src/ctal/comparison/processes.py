"""Child process for a `ctal` command, with its output logged and its progress bar displayed."""

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

from ctal.io.progress import SHOW_BAR

# -P, as in `ctal`: a file in the current directory must not shadow an installed module
PROGRAM = [sys.executable, "-P", "-m", "ctal.comparison.child"]
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
"""Terminal control sequences, for the cursor and for colors."""
_BAR = re.compile(r"^.*\|.*\| .*?\[[^]]*<[^]]*(\]|$)")
"""One state of tqdm's progress bar, which may be cut off at the right."""


class Command:
    """A `ctal` command in a child process, which exits when this process does.

    Args:
        args: the command and its arguments.
        log: the file to append its output to.
        relay: a stream that also gets its output and its progress bar; None: no such stream.
        share: the number of commands that run in parallel and share the processor.
    """

    def __init__(
        self, args: Sequence[str], log: Path, relay: TextIO | None = None, share: int = 1
    ) -> None:
        words = log.open("a", encoding="utf-8")  # first, since it may fail
        # a new session: the terminal sends Ctrl-C to the comparison, which forwards it
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
        """Return the exit code, or None while the command runs."""
        return self._process.poll()

    def ask_to_stop(self) -> None:
        """Ask it to save its state and stop."""
        self._process.terminate()

    def kill(self) -> None:
        """Kill the process and its children."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Wait for the process to exit and for the rest of its output."""
        self._process.wait()
        self._output.join()
        assert self._process.stdin is not None
        self._process.stdin.close()

    @property
    def progress(self) -> str:
        """Text of its progress bar, or ""."""
        return self._output.bar.partition("|")[0].strip()

    @property
    def failure(self) -> str:
        """Reason of its failure, in one line."""
        code = self._process.wait()
        with suppress(ValueError):  # for a signal without a name
            if code < 0:
                return f"ended by {signal.Signals(-code).name}"
        return self._output.last.removeprefix("error: ") or f"ended with code {code}"


class Output:
    """Reader of the output of a process, in a thread, so that the process never blocks.

    Attributes:
        last: the last line other than the progress bar.
        bar: the last state of the progress bar.
    """

    def __init__(self, pipe: IO[bytes], log: TextIO, title: str, relay: TextIO | None) -> None:
        self.last = self.bar = ""
        self._log, self._relay = log, relay
        _write(log, title + "\n")
        self._thread = threading.Thread(target=self._read, args=[pipe], daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait for the end of the output, but not for a data worker that outlives its run."""
        self._thread.join(timeout=10)
        with suppress(OSError):
            self._log.close()

    def _read(self, pipe: IO[bytes]) -> None:
        # newline="": lines that end with "\r" are states of the progress bar and stay separate
        for line in io.TextIOWrapper(pipe, encoding="utf-8", errors="replace", newline=""):
            if self._relay is not None:
                _write(self._relay, line)
            text = _CONTROL.sub("", line).strip()
            if line.endswith("\r"):
                self.bar = text or self.bar
                continue
            words = _BAR.sub("", text)  # an error is printed after the bar, on the same line
            self.last = words or self.last
            for part in filter(None, (text.removesuffix(words), words)):
                _write(self._log, part + "\n")


def _write(file: TextIO, text: str) -> None:
    # a full disk or closed terminal must not stop the reading, or the run would block
    with suppress(OSError, ValueError):
        file.write(text)
        file.flush()


def _environment(share: int) -> dict[str, str]:
    """Return the environment variables of one of `share` parallel commands."""
    variables = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),  # same import path as this process
        "PYTHONUNBUFFERED": "1",
        "COLUMNS": str(shutil.get_terminal_size().columns),  # a pipe has no width for the bar
    }
    if sys.stderr.isatty():
        variables[SHOW_BAR] = "1"
    if share > 1:
        variables.setdefault("OMP_NUM_THREADS", str(max(1, torch.get_num_threads() // share)))
    return variables
