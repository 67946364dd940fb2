"""Copies of a network for images of other sizes."""

from __future__ import annotations

from ctal.networks.base import Network
from ctal.networks.resizing import shared_copy

_KEPT = 4  # portrait and landscape images of two cameras, or some scales


class SizedCopies:
    """A network at several sizes; the copies share its parameters, except those of a size.

    Args:
        network: The network. Do not modify it while copies exist.

    Attributes:
        kept: The copies by (H, W), the one used last at the end.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.kept: dict[tuple[int, int], Network] = {}

    def clear(self) -> None:
        """Drop all copies, after a change of the network."""
        self.kept.clear()

    def of_size(self, size: tuple[int, int]) -> Network:
        """Return the network at a size (H, W): itself, a kept copy or a new one.

        Raises:
            InputError: The network cannot have that size.
        """
        if size == self.network.image_size:
            return self.network
        # the one used last moves to the end, so that the first is dropped
        network = self.kept.pop(size, None)
        if network is None:
            # not a copy of a copy, which would be resampled twice
            network = shared_copy(self.network)
            network.resize(size)
        self.kept[size] = network
        if len(self.kept) > _KEPT:
            del self.kept[next(iter(self.kept))]
        return network
