"""MkDocs hooks for links to files outside docs/, such as `../configs/rooms/ctal.yaml`.

Code hosts resolve such links in the repository. On the site, each linked file becomes a page below
`repository/`, which is not in the navigation; only those in `PAGES`, such as the changelog, are.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
PAGES = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "examples/first_steps.ipynb": "first_steps.md",
}
"""Pages of the navigation by their source file in the repository."""

_LINK = re.compile(r"(?<=\]\()[^()#\s]+(?=#[^()\s]*\)|\))")
_LEXERS = {".py": "python", ".yaml": "yaml", ".yml": "yaml", ".toml": "toml", ".json": "json"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add pages for all files outside docs/ that are linked, also from added pages."""
    for source, uri in PAGES.items():
        if source.endswith(".md"):
            files.append(File.generated(config, uri, content=(ROOT / source).read_text("utf-8")))
    waiting = list(files.documentation_pages())
    while waiting:
        page = waiting.pop()
        for target in _linked(page.content_string, page.src_uri):
            uri = site_uri(target)
            if target.startswith("docs/") or uri in files.src_uris:
                continue
            content = _shown(ROOT / target, target)
            added = File.generated(
                config, uri, content=content, inclusion=InclusionLevel.NOT_IN_NAV
            )
            files.append(added)
            if target.endswith(".md"):
                waiting.append(added)
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Convert links between files of the repository to links between pages of the site."""
    here = page.file.src_uri

    def turned(found: re.Match[str]) -> str:
        target = repository_path(found[0], here)
        if target is None:  # MkDocs reports broken links
            return found[0]
        return posixpath.relpath(site_uri(target), posixpath.dirname(here) or ".")

    return _LINK.sub(turned, markdown)


def repository_path(link: str, page: str) -> str | None:
    """Return the path in the repository that a link points to; None if it does not exist."""
    sources = {uri: source for source, uri in PAGES.items()}
    below = page.removeprefix("repository/")
    source = sources.get(page, below if below != page else f"docs/{page}")
    target = posixpath.normpath(posixpath.join(posixpath.dirname(source), link))
    within = not target.startswith("..") and "://" not in link
    return target if within and (ROOT / target).exists() else None


def site_uri(target: str) -> str:
    """Return the page or image of the site for a path of the repository."""
    if target in PAGES:
        return PAGES[target]
    if target.startswith("docs/"):
        return target.removeprefix("docs/")
    return f"repository/{target}" + ("" if target.endswith(".md") else ".md")


def _linked(markdown: str, page: str) -> Iterator[str]:
    for found in _LINK.finditer(markdown):
        target = repository_path(found[0], page)
        if target is not None:
            yield target


def _shown(path: Path, name: str) -> str:
    """Return a Markdown page with the content of a file or the list of a folder's entries."""
    if path.is_dir():
        return f"# {name}\n\n" + "\n".join(f"- `{entry.name}`" for entry in sorted(path.iterdir()))
    text = path.read_text("utf-8")
    if path.suffix == ".md":
        return text
    lexer = _LEXERS.get(path.suffix, "text")
    # the search should find the documentation, not each line of code
    return f"---\nsearch: {{exclude: true}}\n---\n# {name}\n\n``````{lexer}\n{text}``````\n"
