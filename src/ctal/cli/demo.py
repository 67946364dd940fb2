"""`ctal demo`: loads networks and serves the page until it is stopped."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from ctal.data import Rooms
from ctal.errors import InputError
from ctal.explanation import modules_of
from ctal.inference.loading import DEFAULT, load
from ctal.inference.model import Model
from ctal.io.signals import stopped_by_signals
from ctal.io.sources import find_images
from ctal.tasks.serialization import import_modules


def demo(
    checkpoint: str = DEFAULT,
    single_task: str | None = None,
    examples: list[str] | None = None,
    host: str = "127.0.0.1",
    port: int = 7860,
    device: str = "cpu",
    imports: list[str] | None = None,
) -> None:
    """Shows predictions and affinities in the browser: choose a picture, click a pixel.

    The page is served on this machine, for this machine, until Ctrl-C; nothing is fetched from
    elsewhere, and what is uploaded is removed as soon as it is read. docs/explain.md tells what the
    page shows. It needs gradio: pip install 'ctal[demo]'.

    Args:
        checkpoint: a checkpoint, the folder of a run, or all else that `ctal.load` takes, of a
            network with CTAL; by default a small one for pictures of rooms that comes along.
        single_task: likewise, of a network to show beside it.
        examples: pictures, folders of pictures or glob patterns to choose from; by default some
            test pictures of Rooms.
        host: the address to serve on; 0.0.0.0 lets others of the network in, without a password.
        port: the port to serve on.
        device: where the networks run, such as "cuda".
        imports: modules to import first: those that define a network or a task of your own.

    Raises:
        InputError: gradio is not installed, a checkpoint cannot be used or has no CTAL module,
            there is no such example, or the port is taken.
    """
    if find_spec("gradio") is None:
        raise InputError("ctal demo needs gradio; install it with: pip install 'ctal[demo]'")
    import_modules(imports or [])
    pictures = find_images(examples) if examples else _rooms()
    with _listening(host, port) as listener:
        model = load(checkpoint, device)
        modules_of(model.network)
        _serve(model, load(single_task, device) if single_task else None, pictures, listener)


def _rooms() -> list[Path]:
    """A view of every second room of the test split."""
    return sorted((Rooms("test").root / "image").iterdir())[::8]


def _listening(host: str, port: int) -> socket.socket:
    """A socket of that address: taken before networks are loaded, so that none waits in vain."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or str(error)
        reason = reason.partition(" (while")[0]  # Python says the address once more
        raise InputError(
            f"port: {host}:{port} cannot be served on ({reason}); choose another --port or --host"
        ) from error


def _serve(
    model: Model, single: Model | None, examples: list[Path], listener: socket.socket
) -> None:
    """Serves until a signal comes; leaves no file behind."""
    with stopped_by_signals(), tempfile.TemporaryDirectory(prefix="ctal-demo-") as folder:
        # read when gradio is imported: it shall call nowhere, and write into this folder only
        os.environ |= {"GRADIO_ANALYTICS_ENABLED": "False", "GRADIO_TEMP_DIR": folder}
        from ctal.demo.server import server

        host, port = listener.getsockname()[:2]
        sys.stdout.write(
            f"http://{f'[{host}]' if ':' in host else host}:{port}  (Ctrl-C ends it)\n"
        )
        sys.stdout.flush()
        server(model, single, examples, Path(folder)).run(sockets=[listener])
