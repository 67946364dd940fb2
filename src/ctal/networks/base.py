"""What every network is: pictures in, raw maps of its tasks out."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import torch.nn.functional as F
from torch import Tensor, nn

from ctal.errors import InputError
from ctal.networks.resizing import SizedPart, as_size, restored_on_error, scaled_size
from ctal.tasks import Task


class Predictions(NamedTuple):
    """Raw maps of a network, all at the size of its input.

    Attributes:
        final: the refined map of every task, {task name: (B, channels, H, W)}.
        initial: the maps before refinement, a dict like `final` for each supervised scale; empty
            for a network without initial predictions.
    """

    final: dict[str, Tensor]
    initial: list[dict[str, Tensor]]


class Network(nn.Module):
    """Base of all networks: `Network(tasks, ..., image_size=(H, W))`, then `network(images)`.

    It remembers the arguments it was made with, so that a checkpoint can say how to make it again
    (`ctal.networks.describe`). A subclass whose arguments are plain values has nothing to do for
    that; it implements `predict_raw`.

    Attributes:
        tasks: the tasks, in the order given.
        image_size: (H, W) of the pictures the network was built for.
        arguments: what the constructor was called with, `tasks` left out.
    """

    arguments: dict[str, Any]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Records the arguments before `__init__` sees them."""
        network = super().__new__(cls)
        # bind_partial, since copy.copy and pickle call __new__ without arguments
        signature = inspect.signature(cls.__init__)
        bound = signature.bind_partial(network, *args, **kwargs)
        bound.apply_defaults()
        plain = dict(list(bound.arguments.items())[1:])
        plain.pop("tasks", None)
        for parameter in signature.parameters.values():
            if parameter.kind is parameter.VAR_KEYWORD:  # which a subclass hands on
                plain |= plain.pop(parameter.name)
        network.__dict__["arguments"] = plain
        return network

    def __init__(self, tasks: Sequence[Task], *, image_size: tuple[int, int]) -> None:
        super().__init__()
        names = [task.name for task in tasks]
        if not names or len(set(names)) < len(names):
            raise InputError(f"tasks: expected one or more with different names, got {names}")
        self.tasks = list(tasks)
        self.image_size = as_size(image_size)

    def forward(self, images: Tensor) -> Predictions:
        """Predicts the raw maps of all tasks.

        Args:
            images: (B, 3, H, W), RGB in 0..1, of the size the network was built for.

        Raises:
            InputError: the pictures are of another size.
        """
        size = (images.shape[-2], images.shape[-1])
        if images.ndim != 4 or images.shape[1] != 3 or size != self.image_size:
            height, width = self.image_size
            raise InputError(
                f"images: expected (B, 3, {height}, {width}), the size this network was built for "
                f"(image_size), got {tuple(images.shape)}; resize the pictures or the network"
            )
        raw = self.predict_raw(images)
        return Predictions(
            final=self._to_image_size(raw.final),
            initial=[self._to_image_size(maps) for maps in raw.initial],
        )

    def predict_raw(self, images: Tensor) -> Predictions:
        """The raw maps at the resolution of the network's heads; `forward` brings them to size."""
        raise NotImplementedError

    def resize(self, image_size: Sequence[int]) -> None:
        """Makes the network, trained or not, one for pictures of another size, in place.

        Every part that belongs to a size (`ctal.networks.SizedPart`) is resized with it; all other
        weights stay the same objects. The mixing parameters of CTAL become new ones, and so may
        those of an encoder whose windows depend on the size: make an optimiser afterwards.
        Resizing resamples, so there and back is not where it was. The network's description has
        the new size: it is saved and loaded as any other. What it costs in accuracy:
        benchmarks/resolutions.py.

        Args:
            image_size: (H, W) of the pictures.

        Raises:
            InputError: a part cannot have that size; the network is then as it was.
        """
        new = as_size(image_size)
        with restored_on_error(self):
            # sizes first, since a part that holds others may resize them itself
            parts = [(part, part.size) for part in self.modules() if isinstance(part, SizedPart)]
            for part, size in parts:
                part.resize(scaled_size(size, self.image_size, new))
            self.image_size = new
            self.arguments = {**self.arguments, "image_size": new}

    def _to_image_size(self, maps: dict[str, Tensor]) -> dict[str, Tensor]:
        return {
            name: F.interpolate(raw, size=self.image_size, mode="bilinear", align_corners=False)
            for name, raw in maps.items()
        }
