"""`ctal demo`: load networks and serve the page until the command is stopped."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
import tempfile
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from ctal.errors import InputError
from ctal.explanation import modules_of
from ctal.inference.loading import load
from ctal.inference.model import Model
from ctal.io.bundled import DEFAULT
from ctal.io.signals import stopped_by_signals
from ctal.io.sources import find_images
from ctal.tasks.serialization import import_modules

EXAMPLES = sorted((Path(str(files("ctal"))) / "demo" / "examples").glob("*.jpg"))
"""Two photographs and two renderings; their origin is in the README.md beside them."""


def demo(
    checkpoint: str = DEFAULT,
    single_task: str | None = None,
    examples: list[str] | None = None,
    host: str = "127.0.0.1",
    port: int = 7860,
    allow_remote: bool = False,
    device: str = "cpu",
    imports: list[str] | None = None,
) -> None:
    """Show predictions and affinities in the browser: choose an image, click a pixel.

    The page is served on this machine, for this machine, until Ctrl-C. Nothing is downloaded, and
    an uploaded file is removed as soon as it is read. docs/explain.md describes the page. Requires
    gradio: pip install 'ctal[demo]'.

    Args:
        checkpoint: a checkpoint, the folder of a run, or any other source of `ctal.load`, of a
            network with CTAL; by default the bundled model, for images of rooms.
        single_task: a single-task network to show for comparison, from the same kinds of sources.
        examples: images, folders of images or glob patterns to choose from; by default two
            photographs and two renderings of rooms.
        host: the address to serve on; 0.0.0.0 gives access to others on the network, without a
            password, and requires `allow_remote`.
        port: the port to serve on.
        allow_remote: serve on an address that other machines can reach.
        device: the device to run on, such as "cuda".
        imports: modules to import first: those that define a network or a task of your own.

    Raises:
        InputError: gradio is not installed, a checkpoint cannot be used or has no CTAL module, an
            example is not found, the port is in use, or other machines can reach the address.
    """
    if find_spec("gradio") is None:
        raise InputError("ctal demo requires gradio; install it with: pip install 'ctal[demo]'")
    import_modules(imports or [])
    images = find_images(examples) if examples else EXAMPLES
    with _listening(host, port) as listener:
        local = _is_local(listener, host, allow_remote)
        model = load(checkpoint, device)
        modules_of(model.network)
        single = load(single_task, device) if single_task else None
        _serve(model, single, images, listener, local)


def _listening(host: str, port: int) -> socket.socket:
    """Bind a socket to the address, before networks are loaded, to report an error early."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or str(error)
        reason = reason.partition(" (while")[0]  # Python repeats the address
        raise InputError(
            f"port: cannot listen on {host}:{port} ({reason}); choose another --port or --host"
        ) from error


def _is_local(listener: socket.socket, host: str, allow_remote: bool) -> bool:
    """Return whether only this machine can reach a socket."""
    if ipaddress.ip_address(listener.getsockname()[0].partition("%")[0]).is_loopback:
        return True
    meaning = (
        "every machine of the network can open the page and upload images, without a password and "
        "without encryption"
    )
    if not allow_remote:
        raise InputError(
            f"host: expected an address of this machine only, such as 127.0.0.1, got {host}, on "
            f"which {meaning}; add --allow_remote to permit it"
        )
    sys.stderr.write(f"host: on {host} {meaning}\n")
    return False


def _serve(
    model: Model,
    single: Model | None,
    examples: list[Path],
    listener: socket.socket,
    local: bool,
) -> None:
    """Serve until a signal; remove all files at the end."""
    with stopped_by_signals(), tempfile.TemporaryDirectory(prefix="ctal-demo-") as folder:
        # read when gradio is imported: no telemetry, and files in this folder only
        os.environ |= {"GRADIO_ANALYTICS_ENABLED": "False", "GRADIO_TEMP_DIR": folder}
        sys.stderr.write("starting the demo; the address follows in a few seconds\n")
        from ctal.demo.server import server

        host, port = listener.getsockname()[:2]
        sys.stdout.write(
            f"http://{f'[{host}]' if ':' in host else host}:{port}  (Ctrl-C to stop)\n"
        )
        sys.stdout.flush()
        server(model, single, examples, Path(folder), local).run(sockets=[listener])
