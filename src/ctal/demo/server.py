"""Web server of the demo: the gradio page behind `Guard`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import gradio as gr
import uvicorn
from fastapi import FastAPI

from ctal.compat import forget_files, prompt_protocol
from ctal.demo.guard import MEGABYTES, PROGRESS, UPLOAD, Guard
from ctal.demo.handlers import Handlers
from ctal.demo.page import page
from ctal.demo.upkeep import remove_old, upkeep
from ctal.demo.uploads import Uploads
from ctal.inference.model import Model

# Fonts of the visitor's machine: those of gradio are downloaded from Google.
_FONTS = ["system-ui", "Segoe UI", "DejaVu Sans", "sans-serif"]
_FIXED = ["ui-monospace", "DejaVu Sans Mono", "monospace"]


_SCRIPT, _STYLE = (Path(__file__).with_name(name) for name in ("page.js", "page.css"))

_KEPT = 240.0  # seconds that files of the page are kept: a browser has loaded them
_HEADERS_WITHIN = 10.0  # seconds
_CONNECTIONS = 600  # open at the same time; an open page has two


def server(
    model: Model,
    single: Model | None,
    examples: Sequence[Path],
    folder: Path,
    local: bool = True,
) -> uvicorn.Server:
    """Create the server of the page, which `run(sockets=[...])` starts and a signal stops.

    Args:
        model: a network with CTAL.
        single: a single-task network for comparison, or None.
        examples: example images.
        folder: a folder for all files of the page.
        local: whether it listens on this machine only.
    """
    handlers, uploads = Handlers(model, single, examples, folder), Uploads(folder / "uploads")
    blocks = page(model, single, examples, handlers)
    tasks: list[Callable[[], None]] = [
        uploads.clear,
        handlers.clear,
        partial(remove_old, folder, _KEPT),
        partial(forget_files, blocks),
    ]
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=upkeep(tasks))
    app.add_middleware(Guard, folder=folder, local=local)
    # before those of gradio
    app.add_route(UPLOAD, uploads.upload, methods=["POST"])
    app.add_route(PROGRESS, uploads.progress, methods=["GET"])
    gr.mount_gradio_app(
        app,
        blocks,
        path="/",
        footer_links=[],
        run_history=False,
        show_error=False,  # internal errors; invalid input is reported in any case
        max_file_size=f"{MEGABYTES}mb",
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        theme=gr.themes.Default(font=_FONTS, font_mono=_FIXED),
        css=_STYLE.read_text(encoding="utf-8"),
        head=f"<script>{_SCRIPT.read_text(encoding='utf-8')}</script>",
    )
    # gradio checks the paths in requests only if it launched the server itself
    blocks.has_launched = True
    return uvicorn.Server(_config(app))


def _config(app: FastAPI) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_level="warning",
        timeout_graceful_shutdown=1,  # an open page keeps a connection; do not wait for it
        http=prompt_protocol(_HEADERS_WITHIN),
        ws="none",
        limit_concurrency=_CONNECTIONS,
    )
