"""Load test of `ctal demo`: many parallel visitors, broken and slow connections, memory.

    python -m benchmarks.demo_load                    # 50 visitors, about 5 minutes on one core
    python -m benchmarks.demo_load --visitors 10 --rounds 2

A server with the bundled model is started on this machine; no other host is contacted. In each
round, all visitors upload an image at the same time, wait in the queue, and click a pixel. Every
image has a unique size and color. A response is a mix-up if it shows the size or color of another
visitor. Before each round, connections are opened that close during an upload, never finish their
headers, or never finish the body.

The table has the responses, the mix-ups, the last reported place in the queue, and the memory and
files of the server after each round and after all visitors have left.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import torch
from PIL import Image

from ctal.profiling.cost import machine

CLICK = "clicked"
"""Name of the click handler."""

CAPTION = "<b>pixel x "
"""Part of the caption, which contains the size of the image."""

BROKEN = 20
"""Number of broken connections of each kind per round."""


@dataclass
class Visitor:
    """Visitor with an image of a unique size and color.

    Attributes:
        number: number of the visitor.
        size: (W, H) of the image.
        color: RGB color of the image.
        places: places in the queue reported by the server.
    """

    number: int
    size: tuple[int, int]
    color: tuple[int, int, int]
    places: list[int] = field(default_factory=list)

    def content(self) -> bytes:
        """Return the image as a PNG file."""
        file = io.BytesIO()
        Image.new("RGB", self.size, self.color).save(file, "PNG")
        return file.getvalue()


@dataclass
class Tally:
    """Results of one round."""

    answers: int = 0
    failures: list[str] = field(default_factory=list)
    mixed: int = 0
    farthest: int = 0
    seconds: float = 0.0


def visitors(count: int) -> list[Visitor]:
    """Return visitors whose images differ in size and color."""
    return [
        Visitor(n, (200 + n, 150 + 2 * n), (20 + 4 * n % 200, 230 - 4 * n % 200, 40 * n % 250))
        for n in range(count)
    ]


@contextmanager
def demo(folder: Path) -> Iterator[tuple[str, int]]:
    """Run a server that stores its files in a folder; yield its address and process id."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "ctal", "demo", "--port", str(port)]
    environment = {**os.environ, "TMPDIR": str(folder)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stdout is not None
        address = process.stdout.readline().split()[0]
        wait_for(address)
        yield address, process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def wait_for(address: str) -> None:
    """Wait until the page is served."""
    for _ in range(300):
        try:
            httpx.get(address, timeout=30).raise_for_status()
            return
        except httpx.TransportError:
            time.sleep(0.2)
    raise TimeoutError(address)


async def event(
    client: httpx.AsyncClient, visitor: Visitor, index: int, data: list[Any], extra: dict[str, Any]
) -> list[Any]:
    """Run an event of the page and return its outputs."""
    session = f"visitor-{visitor.number}"
    body = {"data": data, "fn_index": index, "session_hash": session, **extra}
    joined = await client.post("/gradio_api/queue/join", json=body)
    joined.raise_for_status()
    async with client.stream(
        "GET", "/gradio_api/queue/data", params={"session_hash": session}
    ) as lines:
        async for line in lines.aiter_lines():
            message = json.loads(line.removeprefix("data: ")) if line.startswith("data:") else {}
            if message.get("msg") == "estimation":
                visitor.places.append(message["rank"])
            if message.get("msg") == "process_completed":
                if not message["success"]:
                    raise RuntimeError(str(message["output"]))
                outputs: list[Any] = message["output"]["data"]
                return outputs
    raise RuntimeError("the server closed the connection")


def caption_of(outputs: list[Any]) -> str:
    """Return the caption, which contains the size of the image."""
    return next(o for o in outputs if isinstance(o, str) and CAPTION in o)


async def shown_color(client: httpx.AsyncClient, outputs: list[Any]) -> tuple[int, int, int]:
    """Return the color of the image shown next to the caption."""
    position = outputs.index(caption_of(outputs)) + 1
    found = await client.get(f"/gradio_api/file={outputs[position]['path']}")
    found.raise_for_status()
    red, green, blue = Image.open(io.BytesIO(found.content)).convert("RGB").getpixel((3, 3))  # type: ignore[misc]
    return red, green, blue


async def visit(
    client: httpx.AsyncClient, visitor: Visitor, events: dict[str, int], module: str, tally: Tally
) -> None:
    """Upload the visitor's image, click a pixel, and compare the responses with the image."""
    files = {"files": (f"{visitor.number}.png", visitor.content())}
    try:
        sent = await client.post("/gradio_api/upload", files=files)
        sent.raise_for_status()
        upload = {"path": sent.json()[0], "meta": {"_type": "gradio.FileData"}}
        both = [await event(client, visitor, events["uploaded"], [upload, module], {})]
        select = {"event_data": {"index": [5, 5], "value": None}}
        both.append(await event(client, visitor, events[CLICK], [module], select))
    except (httpx.HTTPError, RuntimeError) as error:
        tally.failures.append(f"{type(error).__name__}: {error}")
        return
    for outputs in both:
        tally.answers += 1
        size = f"({visitor.size[0]} x {visitor.size[1]})" in caption_of(outputs)
        color = await shown_color(client, outputs)
        tally.mixed += not (size and color == visitor.color)


async def round_of(address: str, people: list[Visitor]) -> Tally:
    """Run the visits of all visitors in parallel."""
    tally, start = Tally(), time.monotonic()
    limits = httpx.Limits(max_connections=None, keepalive_expiry=1)  # the server's is 5 s
    async with httpx.AsyncClient(base_url=address, timeout=600, limits=limits) as client:
        config = (await client.get("/config")).json()
        events = {e["api_name"]: e["id"] for e in config["dependencies"]}
        module = next(c for c in config["components"] if c["type"] == "radio")["props"]["value"]
        await asyncio.gather(*(visit(client, one, events, module, tally) for one in people))
    tally.seconds = time.monotonic() - start
    tally.farthest = 1 + max((place for one in people for place in one.places), default=0)
    return tally


def break_connections(address: str) -> list[socket.socket]:
    """Open connections that close during an upload, and idle ones, which are returned."""
    port = int(address.rpartition(":")[2])
    upload = (
        f"POST /gradio_api/upload HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        "Content-Length: 20000000\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\nContent-Disposition: "
        'form-data; name="files"; filename="a.png"\r\n\r\n'
    ).encode()
    opened = []
    for _ in range(BROKEN):
        with socket.create_connection(("127.0.0.1", port)) as broken:
            broken.sendall(upload + b"0" * 5_000_000)
        for beginning in (b"GET / HTTP/1.1\r\nX-A: ", upload + b"0" * 5_000_000):
            silent = socket.create_connection(("127.0.0.1", port))
            silent.sendall(beginning)
            opened.append(silent)
    return opened


def memory(process: int) -> float:
    """Return the resident memory of a process in MB."""
    status = Path(f"/proc/{process}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1000


def stored(folder: Path) -> float:
    """Return the total size of the files in a folder in MB."""
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) / 1e6


def main() -> None:
    """Run the test and print its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--visitors", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rest", type=float, default=330, help="idle seconds at the end")
    args = parser.parse_args()
    print(f"{machine(torch.device('cpu'))}, {time.strftime('%Y-%m-%d')}\n")
    print(
        "| round | answers | failures | mix-ups | last place | seconds | memory, MB | files, MB |"
    )
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name, demo(Path(name)) as (address, process):
        print(f"| start | | | | | | {memory(process):.0f} | {stored(Path(name)):.0f} |")
        for number in range(args.rounds):
            silent = break_connections(address)
            tally = asyncio.run(round_of(address, visitors(args.visitors)))
            row = [number + 1, tally.answers, len(tally.failures), tally.mixed, tally.farthest]
            usage = f"{memory(process):.0f} | {stored(Path(name)):.0f}"
            print("|", " | ".join(map(str, row)), f"| {tally.seconds:.0f} | {usage} |", flush=True)
            print(*sorted(set(tally.failures)), sep="\n", end="" if not tally.failures else "\n")
            for connection in silent:
                connection.close()
        time.sleep(args.rest)
        print(f"| end | | | | | | {memory(process):.0f} | {stored(Path(name)):.0f} |")


if __name__ == "__main__":
    main()
