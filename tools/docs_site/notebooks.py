"""Notebooks as pages: run by the build, in a folder of their own; a cell that fails ends it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import nbformat
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError
from nbconvert import MarkdownExporter

ROOT = Path(__file__).parents[2]
NOTEBOOKS = {"examples/first_steps.ipynb": "first_steps.md"}
"""The page of each notebook."""
SECONDS = 900
"""The longest that a cell may take; a busy machine is several times slower than an idle one."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the notebooks, and the images that their cells show.

    Raises:
        PluginError: a cell fails.
    """
    for source, page in NOTEBOOKS.items():
        text, pictures = run(ROOT / source, Path(page).stem)
        for name, content in pictures.items():
            files.append(File.generated(config, name, content=content))
        files.append(File.generated(config, page, content=text))
    return files


def run(notebook: Path, folder: str) -> tuple[str, dict[str, bytes]]:
    """Run a notebook: the page in Markdown, and its images by their path, below `folder`.

    Raises:
        PluginError: a cell fails.
    """
    content = nbformat.read(notebook, as_version=4)
    with tempfile.TemporaryDirectory() as place:
        client = NotebookClient(
            content, timeout=SECONDS, resources={"metadata": {"path": place}}, kernel_name="python3"
        )
        try:
            client.execute()
        except (CellExecutionError, CellTimeoutError) as error:
            raise PluginError(f"{notebook}: a cell fails\n{error}") from error
    resources = {"output_files_dir": folder, "unique_key": folder}
    text, resources = MarkdownExporter().from_notebook_node(content, resources)
    pictures = resources["outputs"]  # of some, in several formats
    return text, {name: pictures[name] for name in pictures if name in text}
