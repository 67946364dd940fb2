"""Pool of processes that completes the runs of a comparison, several in parallel."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TextIO

from tqdm import tqdm  # type: ignore[import-untyped]  # ships no types

from ctal.comparison.processes import Command
from ctal.errors import InputError, Interrupted
from ctal.io.signals import TERMINATING, handled_signals

_PAUSE = 0.2  # seconds between two polls of the processes


class Work(Protocol):
    """Interface of a run in the pool."""

    @property
    def name(self) -> str:
        """Name of the run."""

    @property
    def folder(self) -> Path:
        """Folder for its log.txt."""

    def prepare(self) -> None:
        """Prepare its folder."""

    def next_command(self) -> list[str] | None:
        """Return the arguments of the next `ctal` command, or None if the run is complete."""


class Worker:
    """An active run, which executes its commands one after the other.

    Attributes:
        run: the run.
        failure: the reason of its failure in one line, or "".
        asked: the number of times it was asked to stop.
    """

    def __init__(self, run: Work, relay: TextIO | None, share: int) -> None:
        self.run = run
        self.failure = ""
        self._relay, self._share = relay, share
        self.asked = 0
        run.prepare()
        self._args = run.next_command() or []
        self._command = self._started()

    def is_working(self) -> bool:
        """Return whether the run is active, and start its next command when one has finished."""
        code = self._command.poll()
        if code is None:
            return True
        self._command.close()
        if self.asked:
            return False
        done, self._args = self._args, self.run.next_command() or []
        if code or done == self._args:
            self.failure = self._command.failure if code else "it wrote no scores"
            return False
        if self._args:
            self._command = self._started()
        return bool(self._args)

    def ask_to_stop(self, times: int) -> None:
        """Forward the number of stop requests: the first one saves, a second one kills."""
        if times > self.asked:
            self._command.ask_to_stop() if times == 1 else self._command.kill()
        self.asked = times

    def end(self) -> None:
        """Kill the run, and wait for its end."""
        self._command.kill()
        self._command.close()

    def __str__(self) -> str:
        """Return its name and progress."""
        return f"{self.run.name} {self._command.progress}".strip()

    def _started(self) -> Command:
        return Command(self._args, self.run.folder / "log.txt", self._relay, self._share)


def complete(runs: Sequence[Work], parallel: int = 1) -> None:
    """Complete all runs, each command in its own process.

    The output of a run is written to log.txt in its folder. A single run also prints it to stderr,
    with its progress bar; parallel runs share one progress line. A failed run does not stop the
    others. Ctrl-C, SIGTERM or SIGHUP makes all runs save and stop; a second signal kills them.

    Args:
        runs: the runs.
        parallel: the number of parallel runs. They share the threads that torch would use for one,
            unless OMP_NUM_THREADS sets the threads of each.

    Raises:
        InputError: A run failed.
        Interrupted: A signal stopped the runs.
    """
    waiting = deque(run for run in runs if run.next_command() is not None)
    share = min(parallel, len(waiting))
    relay = sys.stderr if share == 1 else None
    failures: dict[str, str] = {}
    total = len(waiting)
    # disable=None: no bar where stderr is not a terminal
    bar = tqdm(total=total, unit="run", disable=True if share == 1 else None, dynamic_ncols=True)
    active: list[Worker] = []
    with _listening() as asked, bar:
        try:
            while active or (waiting and not asked):
                while waiting and len(active) < share and not asked:
                    run = waiting.popleft()
                    tqdm.write(f"{run.name}: {total - len(waiting)} of {total}", file=sys.stderr)
                    active.append(Worker(run, relay, share))
                time.sleep(_PAUSE)
                for worker in active:
                    worker.ask_to_stop(len(asked))
                active = _still_working(active, failures, bar)
        finally:
            for worker in active:  # after an error in this process
                worker.end()
    if asked:
        raise Interrupted("stopped; rerun the command to resume", asked[0])
    if failures:
        raise InputError(_failure_message(failures, total))


def _still_working(active: Sequence[Worker], failures: dict[str, str], bar: tqdm) -> list[Worker]:
    """Return the active workers; record and print the reasons of failures."""
    left = []
    for worker in active:
        if worker.is_working():
            left.append(worker)
            continue
        bar.update(0 if worker.asked else 1)
        if worker.failure:
            failures[worker.run.name] = worker.failure
            tqdm.write(f"{worker.run.name}: failed: {worker.failure}", file=sys.stderr)
    bar.set_postfix_str(", ".join(map(str, left)))
    return left


def _failure_message(failures: dict[str, str], total: int) -> str:
    reasons = "; ".join(f"{name}: {reason}" for name, reason in failures.items())
    others = ", the others are complete" if len(failures) < total else ""
    return (
        f"{len(failures)} of {total} runs failed{others}; {reasons}; see log.txt in the run's "
        "folder for details; rerun the command to try again"
    )


@contextmanager
def _listening() -> Iterator[list[int]]:
    """Collect the numbers of the stop signals that are received within this context."""
    asked: list[int] = []
    with handled_signals(asked.append, ("SIGINT", *TERMINATING)):
        yield asked
