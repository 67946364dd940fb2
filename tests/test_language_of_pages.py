"""The pages of the documentation avoid the phrases that the style guide replaces."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.test_language import GUIDE, OBJECTS, ROOT, WORDS, occurrences, phrases

PAGES = [*sorted((ROOT / "docs").glob("*.md")), *sorted(ROOT.glob("*.md"))]


def paragraphs(page: str) -> Iterator[tuple[int, str]]:
    """Yield the paragraphs of a Markdown page with their lines, without code."""
    plain = re.sub(r"^```.*?^```", lambda m: "\n" * m[0].count("\n"), page, flags=re.M | re.S)
    plain = re.sub(r"`[^`\n]*`", "x", plain)
    for match in re.finditer(r"\S.*?(?=\n\s*\n|\Z)", plain, flags=re.DOTALL):
        yield plain.count("\n", 0, match.start()) + 1, match[0]


@pytest.mark.skipif(not GUIDE.is_file(), reason="the style guide is not part of the repository")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_replaced_phrase(page: Path) -> None:
    patterns = phrases(GUIDE.read_text(encoding="utf-8"))
    assert occurrences(page.name, paragraphs(page.read_text("utf-8")), patterns) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_standard_words(page: Path) -> None:
    objects = OBJECTS if page.name == "rooms.md" else ()
    words = [word for word in WORDS if not any(name in word for name in objects)]
    assert occurrences(page.name, paragraphs(page.read_text("utf-8")), words) == []


def test_paragraphs_by_hand() -> None:
    page = "# A\n\n```\nWhat code\n```\n\ntext `picture`\non two lines\n\nWhat it\n"
    assert list(paragraphs(page)) == [(1, "# A"), (7, "text x\non two lines"), (10, "What it\n")]
    assert occurrences("x", paragraphs(page), WORDS) == ["x:10: What "]
