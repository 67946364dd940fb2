"""MkDocs hook that converts equations to MathML, which browsers render without scripts or fonts.

pymdownx.arithmatex finds `$...$` and `$$...$$`, which code hosts render too, and latex2mathml
converts their content to MathML.
"""

from __future__ import annotations

import html
import re
from typing import Any

from latex2mathml.converter import convert
from mkdocs.exceptions import PluginError

_INLINE = re.compile(r'<span class="arithmatex">\\\((.+?)\\\)</span>', re.DOTALL)
_BLOCK = re.compile(r'<div class="arithmatex">\s*\\\[(.+?)\\\]\s*</div>', re.DOTALL)


def on_page_content(content: str, **_: Any) -> str:
    """Replace the equations of a page by MathML.

    Raises:
        PluginError: An equation contains an unknown command.
    """
    content = _INLINE.sub(lambda found: as_mathml(found[1], "inline"), content)
    return _BLOCK.sub(
        lambda found: f'<div class="equation">{as_mathml(found[1], "block")}</div>', content
    )


def as_mathml(escaped: str, display: str) -> str:
    """Convert an HTML-escaped LaTeX equation to MathML.

    Raises:
        PluginError: The equation contains an unknown command.
    """
    latex = html.unescape(escaped).strip()
    mathml = convert(latex, display=display)
    unknown = re.search(r"\\\w+", mathml)  # latex2mathml leaves unknown commands unchanged
    if unknown:
        raise PluginError(f"equation: unknown command {unknown[0]!r} in {latex}")
    return mathml
