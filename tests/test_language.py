"""Docstrings, comments, messages and names avoid the phrases that the style guide replaces."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GUIDE = ROOT.parent / "shared" / "STYLE.md"
FILES = sorted(
    path for folder in ("src", "tools", "benchmarks") for path in (ROOT / folder).rglob("*.py")
)
TESTS = sorted((ROOT / "tests").rglob("*.py"))

WORDS = [
    r"\bdata sets?\b",
    r"\bpictures?\b(?!\.\w)",
    r"\bfrom \d+ on\b",
    r"\b(comes?|coming) along\b",
    r"\b(hands?|handed|handing) out\b",
    r"\bgoes on\b",
    r"\b(tells|told)\b",
    r"\blies\b",
    r"\bstands\b(?! for)",
    r"\bmend(s|ed)?\b",
    r"\bpaint(s|ed)?\b(?![`(])",
    r"\bneighbour",
    r"\bcentre",
    r"\bcolour(?!s?:)",
    r"\b(centi|milli)metres?\b",
    r"\blicence\b",
    r"\ball else\b",
    r"\bthe other way round\b",
    r", which is none\b",
    r"\bwhole or not at all\b",
    r"\b(some|no|any)body\b",
    r"(^|[.;]\s+|\n\s*\n\s*)(What|That)\s(?!is\b)",
]
"""Words and openings that the style guide replaces, as far as they have no other use here."""

OBJECTS = ("picture", "paint")
"""Words that name objects and materials in the generator of Rooms."""


def phrases(table: str) -> list[str]:
    """Return the phrases of the left column as regular expressions.

    A cell may hold several phrases, separated by semicolons. In "got X, which is none" the capital
    letter stands for any word. Single words are skipped, since they may be correct elsewhere.
    """
    found = []
    for row in re.findall(r"^\| (.+?) \| .+ \|$", table, flags=re.MULTILINE):
        for phrase in re.split(r"\s*;\s*", row):
            words = [r"\S+" if word == "X" else re.escape(word) for word in phrase.split()]
            if len(words) > 1 and phrase != "today":
                found.append(r"(?<!\w)" + r"\s+".join(words).replace(r"X,", r"\S+,") + r"(?!\w)")
    return found


def texts(source: str) -> Iterator[tuple[int, str]]:
    """Yield the comments and strings of a module with their lines; adjacent strings are joined."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
        elif isinstance(node, ast.JoinedStr):
            parts = [v.value if isinstance(v, ast.Constant) else "X" for v in node.values]
            yield node.lineno, "".join(map(str, parts))
    comments = [
        (token.start[0], token.string.lstrip("# "))
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    ]
    yield from comments
    for (line, first), (after, second) in pairwise(comments):
        if after == line + 1:  # a sentence over two lines
            yield line, f"{first} {second}"


def test_names(source: str) -> Iterator[tuple[int, str]]:
    """Yield the names of tests as words."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node.lineno, node.name.replace("_", " ")


test_names.__test__ = False  # type: ignore[attr-defined]


def occurrences(where: str, found: Iterator[tuple[int, str]], patterns: list[str]) -> list[str]:
    return [
        f"{where}:{line}: {match[0]}"
        for line, text in found
        for pattern in patterns
        if (match := re.search(pattern, text, flags=re.IGNORECASE))
    ]


def prose(found: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Yield texts of several words, since a single word may be a name or a key."""
    return ((line, text) for line, text in found if " " in text.strip())


@pytest.fixture(scope="module")
def patterns() -> list[str]:
    if not GUIDE.is_file():
        pytest.skip("the style guide is not part of the repository")
    return phrases(GUIDE.read_text(encoding="utf-8"))


def test_every_row_of_the_guide_is_read(patterns: list[str]) -> None:
    assert len(patterns) >= 38
    sentence = "a run that is interrupted goes on where it stopped when started again"
    assert occurrences("x", iter([(1, sentence)]), patterns)
    assert occurrences("x", iter([(1, "data: got /tmp/x, which is none")]), patterns)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_replaced_phrase_in_the_code(path: Path, patterns: list[str]) -> None:
    source = path.read_text(encoding="utf-8")
    assert occurrences(path.name, texts(source), patterns) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_code_uses_the_standard_words(path: Path) -> None:
    objects = OBJECTS if ROOT / "tools" / "rooms" in path.parents else ()
    words = [word for word in WORDS if not any(name in word for name in objects)]
    assert occurrences(path.name, prose(texts(path.read_text("utf-8"))), words) == []


def test_names_of_tests_use_the_standard_words() -> None:
    found = [
        line
        for path in TESTS
        for line in occurrences(path.name, test_names(path.read_text("utf-8")), WORDS)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("text", "replaced"),
    [
        ("A data set of pictures.", True),
        ("expected a number from 1 on, got 0", True),
        ("Tells which file is broken.", True),
        ("the file lies in the folder", True),
        ("Read it. What cannot be read is skipped.", True),
        ("the colour of a class", True),
        ("images/picture.png", False),
        ("M stands for the number of maps", False),
        ("colours: Colors of the classes.", False),
        ("walls are painted", True),
        ("rename `paint` and `super().paint()`", False),
        ("The dataset. That is the default.", False),
    ],
)
def test_words_by_hand(text: str, replaced: bool) -> None:
    assert bool(occurrences("x", iter([(1, text)]), WORDS)) is replaced


def test_no_replaced_phrase_in_the_names_of_tests(patterns: list[str]) -> None:
    found = [
        line
        for path in TESTS
        for line in occurrences(path.name, test_names(path.read_text("utf-8")), patterns)
    ]
    assert found == []


def test_phrases_by_hand() -> None:
    rows = (
        "| today | write |\n|---|---|\n| tells a; tells b c | x |\n| got X, which is none | y |\n"
    )
    (several, none) = phrases(rows)[0], phrases(rows)[-1]
    assert len(phrases(rows)) == 3
    assert re.search(several, "it tells\n a thing")
    assert not re.search(several, "it tells another thing")
    assert re.search(none, "got 3, which is none")


def test_texts_by_hand() -> None:
    source = 'x = f"a {y} b"  # comment one\n\n\ndef f():\n    """Doc."""\n    raise E("a " "b")\n'
    assert {text for _, text in texts(source)} >= {"a X b", "comment one", "Doc.", "a b"}
