"""Threads of `ctal predict`: they read and write images while the network runs."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import torch
from torch import Tensor

from ctal.inference.postprocessing import LARGE
from ctal.io.images import open_image, read_image

_AHEAD = 2
"""Images that are read before the network needs them; reading takes a tenth of the time."""


class Threads:
    """A thread that reads images, and threads that run jobs: as many as torch has cores.

    Writing an image takes most of the time, so the main thread, which runs the network, often waits
    for a job. torch runs the operators of a job in one thread. The first
    error of a job is raised in the main thread; jobs that were not started are then dropped, and
    running ones are stopped.

    Args:
        done: called in the main thread after each job.
    """

    def __init__(self, done: Callable[[], object]) -> None:
        self._cores = torch.get_num_threads()
        self._reader = ThreadPoolExecutor(1, "read", _use_one_thread)
        self._writers = ThreadPoolExecutor(self._cores, "write", _use_one_thread)
        self._slots = threading.Semaphore(self._cores)  # one for each job that runs
        self._running: dict[Future[None], int] = {}
        self._done = done
        self._stopping = threading.Event()

    def read_ahead(self, paths: Iterable[Path]) -> Iterator[Callable[[], Tensor | None]]:
        """Yield functions that return the image of each path, which the reader loads in advance.

        They return None for an image of more than `LARGE` pixels, so that only one of them is in
        memory. They raise what `read_image` raises.
        """
        waiting: deque[Future[Tensor | None]] = deque()
        for path in paths:
            waiting.append(self._reader.submit(_read, path))
            if len(waiting) > _AHEAD:
                yield waiting.popleft().result
        while waiting:
            yield waiting.popleft().result

    def check(self) -> None:
        """Stop a job, by an exception, after an error of another one or Ctrl-C."""
        if self._stopping.is_set():
            raise _Stopped

    def start(self, job: Callable[[], None], pixels: int) -> None:
        """Start a job, after those of which it would exceed the memory or the queue.

        Args:
            job: the job.
            pixels: size of its image. All jobs together may have twice `LARGE`, as few bytes a
                pixel as they need.
        """
        while self._running and (
            sum(self._running.values()) + pixels > 2 * LARGE
            or len(self._running) >= 2 * self._cores
        ):
            self._wait()
        self._running[self._writers.submit(self._run, job)] = pixels

    def finish(self) -> None:
        """Wait for all jobs."""
        while self._running:
            self._wait()

    def leave_cores(self) -> None:
        """Let torch's operators in the main thread use the cores that no job uses."""
        busy = sum(not future.done() for future in self._running)
        torch.set_num_threads(max(1, self._cores - busy))

    def _run(self, job: Callable[[], None]) -> None:
        with self._slots:
            if self._stopping.is_set():
                return
            try:
                job()
            except _Stopped:
                return
            except BaseException:
                self._stopping.set()  # before the next job starts
                raise

    def _wait(self) -> None:
        finished, _ = wait(self._running, return_when=FIRST_COMPLETED)
        for future in finished:
            del self._running[future]
            future.result()
            self._done()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self.finish()
        finally:
            self._stopping.set()
            self._reader.shutdown(cancel_futures=True)
            self._writers.shutdown(cancel_futures=True)
            # a signal while a thread was started leaves it unknown to its pool
            for _ in range(self._cores):
                self._slots.acquire()
            self._slots.release(self._cores)
            torch.set_num_threads(self._cores)


class _Stopped(Exception):  # noqa: N818 - being asked to stop is no error
    """Raised in a job to end it."""


def _use_one_thread() -> None:
    torch.get_num_threads()  # torch sets the number at its first use in a thread
    torch.set_num_threads(1)


def _read(path: Path) -> Tensor | None:
    with suppress(Exception), open_image(path) as image:  # `read_image` reports what is wrong
        if image.width * image.height > LARGE:
            return None
    return read_image(path)
