"""Markdown tables that are readable as plain text."""

from __future__ import annotations

from collections.abc import Sequence


def aligned_table(head: Sequence[str], body: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a Markdown table whose columns are aligned as plain text."""
    widths = [max(len(row[column]) for row in (head, *body)) for column in range(len(head))]
    # names are aligned left, numbers right
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    cells = [
        [row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]
        for row in (head, rule, *body)
    ]
    return [f"| {' | '.join(row)} |" for row in cells]
