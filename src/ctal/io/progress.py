"""Display of progress on stderr: a bar on a terminal, a line every 30 seconds elsewhere."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from tqdm import tqdm  # type: ignore[import-untyped]  # ships no types

SHOW_BAR = "CTAL_PROGRESS_BAR"
"""Environment variable: display the bar on a pipe too, whose reader shows it on a terminal."""

LINE_SECONDS = 30.0
"""Seconds between two lines."""

_DETAIL_SECONDS = 0.5  # computing the detail may wait for a GPU
_FORMAT = "{desc} {percentage:3.0f}%|{bar:8}| [{elapsed}<{remaining}{postfix}]"
_ROWS = 20  # not that of the terminal: tqdm shows no bar on one that claims 0 rows
_NARROW_FORMAT = "{percentage:3.0f}% {elapsed}<{remaining}{postfix}"


class Display(Protocol):
    """Display of one stage."""

    def show(self, done: int, detail: Callable[[], str]) -> None:
        """Display that `done` steps are complete; the detail is computed if it is displayed."""

    def close(self, detail: str = "") -> None:
        """End the display, with a last detail."""


class Bar:
    """A bar that is redrawn in place.

    Args:
        title: the stage.
        total: the number of steps; None: unknown.
        done: the number of steps that an interrupted run has completed before.
    """

    def __init__(self, title: str, total: int | None, done: int = 0) -> None:
        self._bar = tqdm(
            total=total,
            initial=done,
            desc=title,
            ncols=columns(),
            nrows=_ROWS,
            bar_format=_FORMAT if total else None,
            smoothing=0,  # mean speed: validations interrupt the steps
        )
        self._formats = [_FORMAT, _NARROW_FORMAT] if total else [None]
        self._shown = -math.inf

    def show(self, done: int, detail: Callable[[], str]) -> None:
        """Redraw the bar, several times per second."""
        self._bar.n = done
        if time.monotonic() - self._shown >= _DETAIL_SECONDS:
            self._fit(detail())
            self._bar.refresh()
            self._shown = time.monotonic()

    def close(self, detail: str = "") -> None:
        """Leave the bar on the screen."""
        if detail:
            self._fit(detail)
        self._bar.close()

    def _fit(self, detail: str) -> None:
        """Set the longest form that the terminal has columns for; tqdm cuts off the rest."""
        self._bar.ncols = columns()
        for form in self._formats:
            self._bar.bar_format = form
            for text in shorter(detail) if form is self._formats[-1] else [detail]:
                self._bar.set_postfix_str(text, refresh=False)
                whole = self._bar.format_meter(**self._bar.format_dict | {"ncols": None})
                if self._bar.ncols is None or len(whole) <= self._bar.ncols:
                    return


class Lines:
    """A line for the first step and then one every `LINE_SECONDS`.

    Args:
        title: the stage.
        total: the number of steps; None: unknown.
        done: the number of steps that an interrupted run has completed before.
    """

    def __init__(self, title: str, total: int | None, done: int = 0) -> None:
        self._title, self._total, self._before = title, total, done
        self._start = time.monotonic()
        self._shown = -math.inf

    def show(self, done: int, detail: Callable[[], str]) -> None:
        """Write a line if the last one is old enough."""
        now = time.monotonic()
        if now - self._shown < LINE_SECONDS:
            return
        # the first steps are slow, so the time left is not known yet
        left = self._time_left(done, now) if math.isfinite(self._shown) else ""
        self._shown = now
        sys.stderr.write(f"{self._title}: {detail()}{left}\n")
        sys.stderr.flush()

    def close(self, detail: str = "") -> None:
        """Write the last detail."""
        if detail:
            sys.stderr.write(f"{self._title}: {detail}\n")

    def _time_left(self, done: int, now: float) -> str:
        if self._total is None or done <= self._before:
            return ""
        seconds = (now - self._start) / (done - self._before) * (self._total - done)
        return f", {tqdm.format_interval(seconds)} left"


def columns() -> int | None:
    """Return the width of the terminal on stderr, or that of `COLUMNS`; None if not known."""
    with suppress(OSError, ValueError):
        if found := os.get_terminal_size(sys.stderr.fileno()).columns:
            return found
    given = os.environ.get("COLUMNS", "")
    return int(given) if given.isdecimal() and int(given) else None


def shorter(detail: str) -> list[str]:
    """Return a detail of parts, separated by ", ", and shorter and shorter forms of it.

    They lack the second part, the place within that of the first, and then the last parts.
    """
    parts = detail.split(", ")
    kept = [parts[0], *parts[2:]]
    return [detail, *(", ".join(kept[:count]) for count in range(len(kept), 0, -1))]


def display(title: str, total: int | None, done: int = 0) -> Display:
    """Return a bar if stderr is a terminal or a pipe to one, else lines."""
    on_terminal = sys.stderr.isatty() or bool(os.environ.get(SHOW_BAR))
    return (Bar if on_terminal else Lines)(title, total, done)
