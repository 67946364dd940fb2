"""Equations as MathML, which browsers draw by themselves: no script, no font, nothing to fetch.

pymdownx.arithmatex finds `$...$` and `$$...$$`, which code hubs show too; latex2mathml turns what
stands in them into MathML.
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
    """Put MathML in the place of the equations of a page.

    Raises:
        PluginError: an equation holds a command that is not known.
    """
    content = _INLINE.sub(lambda found: as_mathml(found[1], "inline"), content)
    return _BLOCK.sub(
        lambda found: f'<div class="equation">{as_mathml(found[1], "block")}</div>', content
    )


def as_mathml(escaped: str, display: str) -> str:
    """The MathML of an equation in LaTeX, whose <, > and & are those of HTML.

    Raises:
        PluginError: it holds a command that is not known.
    """
    latex = html.unescape(escaped).strip()
    mathml = convert(latex, display=display)
    unknown = re.search(r"\\\w+", mathml)  # which latex2mathml leaves as it stands
    if unknown:
        raise PluginError(f"equation: {unknown[0]!r} is not known, in: {latex}")
    return mathml
