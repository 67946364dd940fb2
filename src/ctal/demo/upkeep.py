"""Regular upkeep of the demo server: unused files and visits, and memory."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool


def upkeep(
    clear: Sequence[Callable[[], None]], interval: float = 30
) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """Return a lifespan of a server that calls functions at an interval, in seconds.

    After each round, memory that is free is given back to the system.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(_forever(clear, interval))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])  # a function that runs in a thread ends first

    return lifespan


def remove_old(folder: Path, age: float) -> None:
    """Remove the images and surfaces in a folder that are older than `age` seconds.

    gradio writes an image anew whenever it is shown. Its own option for this, `delete_cache`, ends
    with an error when a visitor is served at the same moment (6.31).
    """
    latest = time.time() - age
    for file in (*folder.glob("*.glb"), *folder.glob("*/image.png")):
        with suppress(OSError):  # removed or in use
            if file.stat().st_mtime < latest:
                file.unlink()
    for directory in folder.iterdir():
        with suppress(OSError):  # not empty, or not a directory
            if directory.stat().st_mtime < latest - 3600:
                directory.rmdir()


async def _forever(clear: Sequence[Callable[[], None]], interval: float) -> None:
    while True:
        await asyncio.sleep(interval)
        for function in clear:
            await run_in_threadpool(function)
        await run_in_threadpool(give_memory_back)


def give_memory_back() -> None:
    """Collect garbage, and return free memory to the system where its allocator keeps it."""
    gc.collect()
    try:
        trim = ctypes.CDLL(None).malloc_trim  # glibc keeps up to hundreds of MB per process
    except (AttributeError, OSError, TypeError):
        return  # another allocator
    trim(0)
