"""Periodic tasks of the demo server."""

import asyncio
import ctypes

import pytest

pytest.importorskip("gradio", reason="needs gradio, the extra `demo`")
from ctal.demo import upkeep


def test_functions_are_called_until_the_server_stops():
    calls = []

    async def serve():
        async with upkeep.upkeep([lambda: calls.append(1), lambda: calls.append(2)], 0.01)(None):
            while len(calls) < 4:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        ended = len(calls)
        await asyncio.sleep(0.1)
        return ended

    assert asyncio.run(asyncio.wait_for(serve(), 30)) == len(calls)
    assert calls[:4] == [1, 2, 1, 2]


def test_memory_is_released_where_supported(monkeypatch):
    trimmed = []
    monkeypatch.setattr(
        ctypes, "CDLL", lambda name: type("C", (), {"malloc_trim": staticmethod(trimmed.append)})
    )
    upkeep.give_memory_back()
    assert trimmed == [0]
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    upkeep.give_memory_back()
