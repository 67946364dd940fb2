"""Web server of the demo: the gradio page behind `Guard`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import gradio as gr
import uvicorn
from fastapi import FastAPI

from ctal.demo.guard import MEGABYTES, Guard
from ctal.demo.page import page
from ctal.demo.texts import CSS
from ctal.inference.model import Model

# Fonts of the visitor's machine: those of gradio are downloaded from Google.
_FONTS = ["system-ui", "Segoe UI", "DejaVu Sans", "sans-serif"]
_FIXED = ["ui-monospace", "DejaVu Sans Mono", "monospace"]


def server(
    model: Model, single: Model | None, examples: Sequence[Path], folder: Path
) -> uvicorn.Server:
    """Create the server of the page, which `run(sockets=[...])` starts and a signal stops.

    Args:
        model: a network with CTAL.
        single: a single-task network for comparison, or None.
        examples: example images.
        folder: a folder for all files of the page.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Guard, folder=folder)
    blocks = page(model, single, examples, folder)
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
        css=CSS,
    )
    # gradio checks the paths in requests only if it launched the server itself
    blocks.has_launched = True
    # an open page keeps a connection; do not wait for it at shutdown
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
    return uvicorn.Server(config)
