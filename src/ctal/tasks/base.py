"""Base class of tasks: losses, decoding, metrics and visualization, independent of networks."""

from __future__ import annotations

import math
import re
import warnings
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn
from torchvision.transforms.v2 import functional as TF

from ctal.errors import InputError
from ctal.losses.masking import masked, masked_mean
from ctal.maps import Map
from ctal.tasks.keys import ClassKey, Key

if TYPE_CHECKING:
    from torchmetrics import Metric

__all__ = ["TRAINING_ONLY", "Task", "masked", "masked_mean"]

TRAINING_ONLY = {"training_only": True}
"""Metadata of a task's fields that say how it is trained: saved networks do not need them."""


class Task(ABC):
    """Base of all tasks: one map per image, with its loss, decoding, metrics and visualization.

    A task handles four forms of a map, for B images at a time:

    - *raw*, (B, channels, H, W): output of a network's head.
    - *target*: the label, a batch of `map_type`.
    - *prediction*: the decoded raw map, in the unit of the task. It has the form of the target,
      except that for binary targets (1 or 0) it is the probability of 1.
    - *image*, (3, H, W) uint8: a visualized prediction or target.

    A subclass is a frozen dataclass, so that its arguments can be read when a network is saved
    (`ctal.networks.describe`). A new task requires no other file.

    Attributes:
        name: the key of the task's map in a sample and in a network's output.
        map_type: the type of its label maps.
        unit: the unit of its predictions, as printed and as stored beside arrays.
        error_unit: the unit of `error`, as printed; "%" for shares, which are printed times 100.
        error_limit: the error of a pixel, in the unit of `error`, with the brightest color.
        variance_factor: the c in c / sigma^2, the weight of its loss under an uncertainty sigma
            (`ctal.weighting.UncertaintyWeighting`): 1 for a cross entropy, 1/2 for a distance.
    """

    name: str
    map_type: ClassVar[type[Map]]
    unit: ClassVar[str]
    error_unit: ClassVar[str] = ""
    error_limit: ClassVar[float]
    variance_factor: ClassVar[float] = 0.5

    def __post_init__(self) -> None:
        """Check the type of maps, and the name, a key of samples, outputs and modules."""
        if not issubclass(kind := getattr(type(self), "map_type", object), Map):
            raise InputError(f"{type(self).__name__}.map_type: expected a Map, got {kind}")
        if not self.name.isidentifier() or self.name == "image":
            raise InputError(
                "name: expected letters, digits and underscores (and not 'image', the key of the "
                f"image in a sample), got {self.name!r}"
            )
        if hasattr(nn.ModuleDict(), self.name):
            raise InputError(f"name: expected no attribute of ModuleDict, got {self.name!r}")

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Accept `paint`, the name of `visualize` in ctal 0.1, for definitions and for calls."""
        super().__init_subclass__(**kwargs)
        own = vars(cls)
        if "paint" in own and "visualize" not in own:
            warnings.warn(
                f"{cls.__name__}: expected a method `visualize`, got `paint`; rename it",
                FutureWarning,
                stacklevel=2,
            )
            cls.visualize = own["paint"]  # type: ignore[method-assign]
        elif "visualize" in own:
            # per class, so that super().paint() in a user's task does not recurse
            setattr(cls, "paint", own["visualize"])  # noqa: B010

    @property
    def title(self) -> str:
        """Return the task in words, such as "Surface normals"; its name too, if it has another."""
        words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(self).__name__).capitalize()
        usual = getattr(type(self), "name", self.name)
        return words if self.name == usual else f"{words}: {self.name}"

    @property
    @abstractmethod
    def channels(self) -> int:
        """Return the number of channels of the raw map."""

    @abstractmethod
    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        """Compute the mean loss over the labelled pixels of a batch, a float32 scalar.

        A batch without labelled pixels gives 0 with a gradient of 0.

        Args:
            raw: (B, channels, H, W), of any floating type.
            target: a batch of `map_type`.
        """

    @abstractmethod
    def decode(self, raw: Tensor) -> Tensor:
        """Decode a raw map (B, channels, H, W) to the task's unit and the target's shape.

        Class ids are int64, all other predictions float32.
        """

    @abstractmethod
    def encode(self, target: Tensor) -> Tensor:
        """Return a raw map (B, channels, H, W) that decodes to `target` where it is labelled.

        Its mean over labelled pixels is the raw output of the trivial predictor (majority class,
        mean depth, mean normal, the more frequent of two values).
        """

    def mirrored(self, raw: Tensor) -> Tensor:
        """Mirror raw maps (B, channels, H, W) horizontally, and their directions with them.

        A scene and its mirror image have the same classes, depths and probabilities, at mirrored
        pixels. A map type with directions has its own rule for flips (`ctal.maps.kernels`), which
        applies to raw maps that have the components of the label as channels. Override this
        method where they have others.

        Raises:
            InputError: the labels have directions, and the raw maps have other channels.
        """
        size = math.prod(self.map_type.leading)
        if size > 1 and self.channels != size:
            raise InputError(
                f"flip: expected a rule to mirror the raw maps of {self.name}, which have "
                f"{self.channels} channels for the {size} components of a label, got none; "
                f"override {type(self).__name__}.mirrored, or predict without flips"
            )
        return TF.horizontal_flip(raw.as_subclass(self.map_type)).as_subclass(Tensor)

    @abstractmethod
    def valid(self, target: Tensor) -> Tensor:
        """Return which pixels have a label, (B, H, W) bool."""

    @abstractmethod
    def check(self, target: Tensor) -> None:
        """Check the values of one label map (a single `map_type`, no batch).

        Raises:
            InputError: a value is invalid (a class id out of range, a depth that is negative or
                not finite, a normal whose length is neither 0 nor 1, a binary label other than
                0 and 1).
        """

    @abstractmethod
    def metrics(self) -> dict[str, Metric]:
        """Create the metrics by name, called with (prediction, target); the first is primary.

        `higher_is_better` of each gives the sign of its change in Delta_m.
        """

    @abstractmethod
    def error(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Compute the error of every pixel, (B, H, W) float32; NaN where unlabelled."""

    @abstractmethod
    def visualize(self, prediction: Tensor, reference: Tensor | None = None) -> Tensor:
        """Visualize one prediction or target (no batch) as an image, (3, H, W) uint8.

        Args:
            prediction: a single map in the target's form.
            reference: the map whose range of values sets the color scale, such as the ground
                truth; by default the prediction itself.
        """

    def compact(self, prediction: Tensor) -> Tensor:
        """Return a prediction in the smaller type in which `ctal predict` stores it.

        By default float16, with a relative error of at most 0.05 %; integers, and values beyond
        its range of 65504, stay as they are.
        """
        limit = torch.finfo(torch.float16).max
        fits = prediction.is_floating_point() and bool(prediction.abs().max() <= limit)
        return prediction.half() if fits else prediction

    def legend(self, prediction: Tensor) -> list[tuple[str, str]]:
        """Return the colors of a visualized map (H, W) and their names, most frequent first.

        Empty by default, for colors that encode numbers.
        """
        return []

    def key(self, prediction: Tensor, reference: Tensor | None = None) -> Key | None:
        """Return the meaning of the colors of `visualize`; by default the legend, if there is one.

        Args:
            prediction: the visualized map.
            reference: that of `visualize`.
        """
        legend = self.legend(prediction)
        return ClassKey([(color, name, None) for color, name in legend]) if legend else None

    def entropy(self, raw: Tensor) -> Tensor | None:
        """Return how unsure each pixel is, (B, 1, H, W) in 0..1; None without probabilities.

        Args:
            raw: (B, channels, H, W).
        """
        return None


def half_in_steps(values: Tensor, steps: int) -> Tensor:
    """Round to multiples of 1 / `steps`, as float16."""
    return (values.float() * steps).round_().div_(steps).half()
