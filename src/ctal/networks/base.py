"""Base class of all networks: images in, raw maps of its tasks out."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, ClassVar, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ctal.errors import InputError
from ctal.networks.predictions import Predictions, check_predictions
from ctal.networks.resizing import SizedPart, as_size, restored_on_error, scaled_size
from ctal.networks.saving import Savable
from ctal.tasks import Task
from ctal.tasks.checks import checked_tasks


class Network(Savable, nn.Module):
    """Base of all networks: `Network(tasks, ..., image_size=(H, W))`, then `network(images)`.

    It records the arguments of its constructor, so that a checkpoint can describe how to build it
    (`ctal.networks.describe`). A subclass whose arguments are plain values only has to implement
    `predict_raw`.

    Args:
        tasks: the tasks.
        image_size: (H, W) of the images, or the side of square ones.

    Attributes:
        tasks: the tasks, in the order given.
        image_size: (H, W) of the images that the network was built for.
        arguments: arguments of the constructor without `tasks`.
        options_type: dataclass of the options that its constructor accepts as `**options`, if any.

    Raises:
        InputError: `tasks` is not a list of tasks with different names, or `image_size` not a size.
    """

    arguments: dict[str, Any]
    options_type: ClassVar[type | None] = None

    if TYPE_CHECKING:

        def __call__(self, images: Tensor, *, full_size: bool = True) -> Predictions:
            """Call `forward`, with its types."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Record the arguments before `__init__` runs."""
        network = super().__new__(cls)
        # bind_partial, since copy.copy and pickle call __new__ without arguments
        signature = inspect.signature(cls.__init__)
        bound = signature.bind_partial(network, *args, **kwargs)
        bound.apply_defaults()
        plain = dict(list(bound.arguments.items())[1:])
        plain.pop("tasks", None)
        for parameter in signature.parameters.values():
            if parameter.kind is parameter.VAR_KEYWORD:
                plain |= option_defaults(cls) | plain.pop(parameter.name)
        network.__dict__["arguments"] = plain
        return network

    def __init__(self, tasks: Iterable[Task], *, image_size: int | Sequence[int]) -> None:
        super().__init__()
        self.tasks = checked_tasks(tasks)
        self.image_size = as_size(image_size)

    def forward(self, images: Tensor, *, full_size: bool = True) -> Predictions:
        """Predict the raw maps of all tasks.

        Args:
            images: (B, 3, H, W), RGB in 0..1, of the size that the network was built for.
            full_size: resize the maps to the size of the images; False: keep that of the heads.

        Raises:
            InputError: the images have another shape, or `predict_raw` returns something else than
                a raw map of each task.
        """
        size = (images.shape[-2], images.shape[-1])
        if images.ndim != 4 or images.shape[1] != 3 or size != self.image_size:
            height, width = self.image_size
            raise InputError(
                f"images: expected (B, 3, {height}, {width}), the size this network was built for "
                f"(image_size), got {tuple(images.shape)}; resize the images or the network"
            )
        raw = self.predict_raw(images)
        if not torch.compiler.is_compiling():  # the check would be part of the graph
            check_predictions(raw, self.tasks, len(images), None, type(self).__name__)
        if not full_size:
            return raw
        return Predictions(
            final=self._to_image_size(raw.final),
            initial=[self._to_image_size(maps) for maps in raw.initial],
        )

    def predict_raw(self, images: Tensor) -> Predictions:
        """Predict the raw maps at the resolution of the heads; `forward` resizes them."""
        raise NotImplementedError(f"{type(self).__name__} has no method predict_raw")

    def resize(self, image_size: int | Sequence[int]) -> None:
        """Adapt the network, trained or not, to images of another size, in place.

        Every part that depends on a size (`ctal.networks.SizedPart`) is resized with it; all other
        weights stay the same objects. CTAL gets new mixing parameters, and so may an encoder whose
        windows depend on the size: create the optimizer afterwards. Resizing resamples, so it
        cannot be undone exactly. The network's description has the new size. The effect on
        accuracy is measured in benchmarks/resolutions.py.

        Args:
            image_size: (H, W) of the images, or the side of square ones.

        Raises:
            InputError: a part does not support that size; the network is then unchanged.
        """
        new = as_size(image_size)
        with restored_on_error(self):
            # read all sizes first, since a part may resize others inside it
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


def option_defaults(kind: type) -> dict[str, Any]:
    """Return the defaults of the options that a network's constructor accepts as `**options`."""
    # a subclass that overrides the constructor has its own options
    owner = next(base for base in kind.__mro__ if "__init__" in vars(base))
    options = vars(owner).get("options_type")
    return asdict(options()) if options else {}
