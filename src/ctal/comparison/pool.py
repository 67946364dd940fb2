"""All runs of a comparison brought to their end, several at once, and all stopped together."""

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

_PAUSE = 0.2  # seconds between two looks at the processes


class Work(Protocol):
    """What a pool must know of a run."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def folder(self) -> Path:
        """The folder that gets its log.txt."""

    def begin(self) -> None:
        """Make its folder ready."""

    def next_command(self) -> list[str] | None:
        """The arguments of `ctal` that bring it nearer to its end; None: it is there."""


class Worker:
    """A run under way: its commands one after the other.

    Attributes:
        run: the run.
        failure: why it ended early, in a line; "" if it did not.
        asked: how many times it was asked to stop.
    """

    def __init__(self, run: Work, relay: TextIO | None, share: int) -> None:
        self.run = run
        self.failure = ""
        self._relay, self._share = relay, share
        self.asked = 0
        run.begin()
        self._args = run.next_command() or []
        self._command = self._started()

    def is_working(self) -> bool:
        """Whether it is under way; starts the next command where one is done."""
        code = self._command.poll()
        if code is None:
            return True
        self._command.close()
        if self.asked:
            return False
        done, self._args = self._args, self.run.next_command() or []
        if code or done == self._args:
            self.failure = self._command.failure if code else "it left no scores"
            return False
        if self._args:
            self._command = self._started()
        return bool(self._args)

    def ask_to_stop(self, times: int) -> None:
        """Pass on that it was asked to stop so many times: once to save, more to end at once."""
        if times > self.asked:
            self._command.ask_to_stop() if times == 1 else self._command.kill()
        self.asked = times

    def end(self) -> None:
        """End it at once, and wait for that."""
        self._command.kill()
        self._command.close()

    def __str__(self) -> str:
        """Its name and how far it is."""
        return f"{self.run.name} {self._command.progress}".strip()

    def _started(self) -> Command:
        return Command(self._args, self.run.folder / "log.txt", self._relay, self._share)


def complete(runs: Sequence[Work], parallel: int = 1) -> None:
    """Bring all runs to their end, each command of theirs in a process of its own.

    What a run says goes to log.txt in its folder; to the terminal (stderr) too, with its progress
    bar, if it runs alone, else a line tells how far all are. A run that fails does not keep the
    others from their end. Ctrl-C, SIGTERM or SIGHUP makes all runs save and stop; a second one
    kills them.

    Args:
        runs: the runs.
        parallel: how many at once; they share the threads that torch would take for one, unless
            OMP_NUM_THREADS says how many each takes.

    Raises:
        InputError: a run failed.
        Interrupted: it was asked to stop.
    """
    waiting = deque(run for run in runs if run.next_command() is not None)
    share = min(parallel, len(waiting))
    relay = sys.stderr if share == 1 else None
    failures: dict[str, str] = {}
    total = len(waiting)
    # disable=None: no bar where stderr is no terminal
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
        raise InputError(_told(failures, total))


def _still_working(active: Sequence[Worker], failures: dict[str, str], bar: tqdm) -> list[Worker]:
    """Those of the workers that have not ended; notes and tells why one failed."""
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


def _told(failures: dict[str, str], total: int) -> str:
    reasons = "; ".join(f"{name}: {reason}" for name, reason in failures.items())
    others = ", the others are done" if len(failures) < total else ""
    return (
        f"{len(failures)} of {total} runs failed{others}; {reasons}; log.txt in a run's folder "
        "tells more, and the same command tries again"
    )


@contextmanager
def _listening() -> Iterator[list[int]]:
    """Collect the numbers of the signals that ask to stop, as long as this lasts."""
    asked: list[int] = []
    with handled_signals(asked.append, ("SIGINT", *TERMINATING)):
        yield asked
