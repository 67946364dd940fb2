"""MkDocs hook that executes notebooks and adds them as pages; a failing cell fails the build."""

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
"""Page of each notebook."""
SECONDS = 900
"""Timeout of a cell; a busy machine is several times slower than an idle one."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the notebooks and their output images.

    Raises:
        PluginError: A cell failed.
    """
    for source, page in NOTEBOOKS.items():
        text, images = run(ROOT / source, Path(page).stem)
        for name, content in images.items():
            files.append(File.generated(config, name, content=content))
        files.append(File.generated(config, page, content=text))
    return files


def run(notebook: Path, folder: str) -> tuple[str, dict[str, bytes]]:
    """Execute a notebook in a temporary folder.

    Args:
        notebook: Path of the notebook.
        folder: Folder of its images on the site.

    Returns:
        The page in Markdown, and the images by their path.

    Raises:
        PluginError: A cell failed.
    """
    content = nbformat.read(notebook, as_version=4)
    with tempfile.TemporaryDirectory() as place:
        client = NotebookClient(
            content, timeout=SECONDS, resources={"metadata": {"path": place}}, kernel_name="python3"
        )
        try:
            client.execute()
        except (CellExecutionError, CellTimeoutError) as error:
            raise PluginError(f"{notebook}: a cell failed\n{error}") from error
    resources = {"output_files_dir": folder, "unique_key": folder}
    text, resources = MarkdownExporter().from_notebook_node(content, resources)
    images = resources["outputs"]  # some in several formats
    return text, {name: images[name] for name in images if name in text}
