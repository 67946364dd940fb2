"""Short lists of many lines: the first lines of each kind, and how many others there are."""

from __future__ import annotations

import re
from collections.abc import Sequence

LISTED = 10
"""Lines that are listed without grouping."""

_OF_KIND = 3  # lines of each kind
_KINDS = 20

_FILE = re.compile(r"[^\s,;]*/[^\s,;:]*")
_BRACKETS = re.compile(r"\[[^\]]*\]|\([^)]*\)")
_NUMBER = re.compile(r"-?\d[\d.]*(?:e[+-]?\d+)?")


def kind_of(name: str, reason: str) -> str:
    """Return a reason without what differs between samples: names, paths, sizes and numbers.

    Args:
        name: The name of the sample or file.
        reason: The reason why it is listed.
    """
    first, colon, rest = reason.partition(": ")
    kind = rest if colon and ("/" in first or first == name) else reason  # without its file
    for pattern, word in ((_FILE, "FILE"), (_BRACKETS, "[]"), (_NUMBER, "N")):
        kind = pattern.sub(word, kind)
    return kind


def grouped(entries: Sequence[tuple[str, str]], lines: Sequence[str]) -> list[str]:
    """Return the first lines of each kind of entry, and a line with the number of the others.

    Few lines are returned as they are.

    Args:
        entries: Name and reason of each line.
        lines: The lines.
    """
    if len(lines) <= LISTED:
        return list(lines)
    kinds: dict[str, list[str]] = {}
    for (name, reason), line in zip(entries, lines, strict=True):
        kinds.setdefault(kind_of(name, reason), []).append(line)
    largest = sorted(kinds.values(), key=len, reverse=True)
    found: list[str] = []
    for members in largest[:_KINDS]:
        found += members[:_OF_KIND]
        if (others := len(members) - _OF_KIND) > 0:
            found.append(f"  ... and {others} more of this kind")
    if rest := sum(map(len, largest[_KINDS:])):
        found.append(f"  ... and {rest} more of {len(largest) - _KINDS} other kinds")
    return [*found, "", "`--all` lists all of them."]
