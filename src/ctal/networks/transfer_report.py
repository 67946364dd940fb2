"""Report of the weights that a network took from another one, in one line."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from ctal.networks.base import Network
from ctal.tasks.serialization import plain

_LISTED = 4
_NOT_COMPARED = ("image_size", "pretrained")
_PLAIN = (bool, int, float, str, list, type(None))


class Transfer(NamedTuple):
    """The weights that a network took from another one; its text is one line.

    Attributes:
        source: name of the other network.
        names: names of all tensors of the network.
        whole: names of those that were taken.
        partly: names of those of which a part was taken: blocks of tasks, rows of classes.
        differing: class or arguments of the network, with those of the other one where they differ.
    """

    source: str
    names: tuple[str, ...]
    whole: frozenset[str]
    partly: frozenset[str]
    differing: tuple[str, ...]

    @property
    def new(self) -> tuple[str, ...]:
        """Names of the tensors of which nothing was taken."""
        return tuple(name for name in self.names if name not in self.whole | self.partly)

    def __str__(self) -> str:
        """Return how many tensors were taken, and which are new, by parts of the network."""
        line = f"{self.source}: {len(self.whole)} of {len(self.names)} tensors taken"
        partly = [name for name in self.names if name in self.partly]
        for word, names in (("in part", partly), ("new", self.new)):
            line += f"; {word}: {_summary(names)}" if names else ""
        return line + (f"; differs in: {', '.join(self.differing)}" if self.differing else "")


def differing_arguments(network: Network, trained: Network) -> tuple[str, ...]:
    """Return class and arguments of a network that differ from a trained one's, for `Transfer`.

    Arguments are compared that both have and that are plain values, except the image size and the
    initial weights of the encoder: weights fit any.
    """
    pairs = {"class": (type(network).__name__, type(trained).__name__)} | {
        name: (plain(value), plain(trained.arguments[name]))
        for name, value in network.arguments.items()
        if name in trained.arguments and name not in _NOT_COMPARED
    }
    return tuple(
        f"{name} {ours} (source: {theirs})"
        for name, (ours, theirs) in pairs.items()
        if ours != theirs and isinstance(ours, _PLAIN) and isinstance(theirs, _PLAIN)
    )


def _summary(names: Sequence[str]) -> str:
    """Return the number of tensors by the parts that hold them, as fine as a line permits."""
    parts = [re.sub(r"\.\d+(?=\.)", ".*", name).split(".")[:-1] or [name] for name in names]
    for depth in range(max(map(len, parts)), 0, -1):
        counts = Counter(".".join(part[:depth]) for part in parts)
        if len(counts) <= _LISTED:
            break
    return ", ".join(f"{part} ({count})" for part, count in counts.items())
