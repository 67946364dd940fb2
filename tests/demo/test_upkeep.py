"""Periodic tasks of the demo server."""

import asyncio
import ctypes
import os
import time

import pytest

pytest.importorskip("gradio", reason="needs gradio, the extra `demo`")
from ctal.demo import upkeep


def test_functions_are_called_until_the_server_stops():
    calls = []

    async def serve():
        async with upkeep.upkeep([lambda: calls.append(1), lambda: calls.append(2)], 0.01)(None):
            while len(calls) < 4:
                await asyncio.sleep(0.01)
        ended = len(calls)
        await asyncio.sleep(0.1)
        return ended

    assert asyncio.run(asyncio.wait_for(serve(), 30)) == len(calls)
    assert calls[:4] == [1, 2, 1, 2]


def test_old_files_of_the_page_are_removed(tmp_path):
    kept = [tmp_path / "b" / "image.png", tmp_path / "b.glb", tmp_path / "uploads" / "c.png"]
    old = [tmp_path / "a" / "image.png", tmp_path / "a.glb"]
    for file in (*kept, *old):
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"")
    for file in (*old, kept[-1]):
        os.utime(file, (time.time() - 100,) * 2)
    upkeep.remove_old(tmp_path, 60)
    assert all(file.is_file() for file in kept)
    assert not any(file.exists() for file in old)
    assert (tmp_path / "a").is_dir()
    os.utime(tmp_path / "a", (time.time() - 4000,) * 2)
    os.utime(tmp_path / "b", (time.time() - 4000,) * 2)
    upkeep.remove_old(tmp_path, 60)
    assert not (tmp_path / "a").exists()
    assert kept[0].is_file()


def test_memory_is_released_where_supported(monkeypatch):
    trimmed = []
    monkeypatch.setattr(
        ctypes, "CDLL", lambda name: type("C", (), {"malloc_trim": staticmethod(trimmed.append)})
    )
    upkeep.give_memory_back()
    assert trimmed == [0]
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    upkeep.give_memory_back()
