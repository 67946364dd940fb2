"""Limits for YAML from anyone: no cycles, no endless nesting, no exponential growth."""

from __future__ import annotations

from dataclasses import dataclass, field

import yaml
from yaml.events import (
    AliasEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

MAX_DEPTH = 50
"""Levels of mappings and lists; the deepest configuration of ctal has 10."""

MAX_ALIASED = 10_000
"""Values that aliases add to those written out; a parser takes seconds for as many."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class BoundsError(yaml.YAMLError):
    """YAML that contains itself, nests too deeply or expands to too many values."""


def check_bounds(text: str) -> None:
    """Check the size of a YAML document before it is built in memory.

    The document is read as a stream of events, so that an alias costs nothing.

    Raises:
        BoundsError: The document contains itself, nests deeper than `MAX_DEPTH` or grows by more
            than `MAX_ALIASED` values when aliases are expanded.
        yaml.YAMLError: The text is not YAML.
    """
    counter = _Counter()
    for event in yaml.parse(text, Loader=_LOADER):
        counter.add(event)


@dataclass
class _Counter:
    """Count the values of a document, alias by alias.

    Attributes:
        sizes: The number of values under each anchor whose node is complete.
        open: The anchor and the number of values of each mapping and list that is not complete.
        total: The number of values so far, aliases expanded.
        aliased: How many of them aliases added.
    """

    sizes: dict[str, int] = field(default_factory=dict)
    open: list[tuple[str | None, int]] = field(default_factory=list)
    total: int = 0
    aliased: int = 0

    def add(self, event: Event) -> None:
        if isinstance(event, AliasEvent):
            self._add_alias(str(event.anchor))
        elif isinstance(event, ScalarEvent):
            self.total += 1
            if event.anchor is not None:
                self.sizes[event.anchor] = 1
        elif isinstance(event, (MappingStartEvent, SequenceStartEvent)):
            self.open.append((event.anchor, self.total))
            self.total += 1
            if len(self.open) > MAX_DEPTH:
                raise BoundsError(f"expected at most {MAX_DEPTH} levels of nesting")
        elif isinstance(event, (MappingEndEvent, SequenceEndEvent)):
            anchor, before = self.open.pop()
            if anchor is not None:
                self.sizes[anchor] = self.total - before

    def _add_alias(self, anchor: str) -> None:
        if any(name == anchor for name, _ in self.open):
            raise BoundsError(f"the value of anchor {anchor!r} contains itself")
        size = self.sizes.get(anchor, 1)  # an undefined one is reported by the loader
        self.total += size
        self.aliased += size
        if self.aliased > MAX_ALIASED:
            raise BoundsError(f"aliases add more than {MAX_ALIASED:,} values")
