"""What a task is: how its maps are scored, decoded and painted. It knows nothing of networks."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

from ctal.errors import InputError
from ctal.maps import Map

if TYPE_CHECKING:
    from torchmetrics import Metric


class Task(ABC):
    """One map per picture: what a network predicts for it, and how that is judged.

    Four forms of one map pass through a task, B pictures at a time:

    - *raw*, (B, channels, H, W): what a network's head puts out.
    - *target*: the label, a batch of `map_type`.
    - *prediction*: the decoded raw map, in the unit of the task. It has the form of the target,
      but where the target says yes or no (1 or 0) it is the probability of yes.
    - *picture*, (3, H, W) uint8: a prediction or a target painted for a person.

    A subclass is a frozen dataclass, so that its arguments can be read back from it when a network
    is saved (`ctal.networks.describe`). Its file is all that a new task needs.

    Attributes:
        name: the key of the task's map in a sample and in a network's output.
        map_type: the type of its label maps.
        unit: the unit of its predictions, as printed and as stored beside arrays.
        error_limit: the error of a pixel, in the unit of `error`, that is painted as full scale.
        variance_factor: the c in c / sigma^2, the weight of its loss under an uncertainty sigma
            (`ctal.weighting.UncertaintyWeighting`): 1 for a cross entropy, 1/2 for a distance.
    """

    name: str
    map_type: ClassVar[type[Map]]
    unit: ClassVar[str]
    error_limit: ClassVar[float]
    variance_factor: ClassVar[float] = 0.5

    def __post_init__(self) -> None:
        """Checks the name, which becomes a key of samples, outputs and modules."""
        if not self.name.isidentifier() or self.name == "image":
            raise InputError(
                "name: expected letters, digits and underscores (and not 'image', the key of the "
                f"picture in a sample), got {self.name!r}"
            )
        if hasattr(nn.ModuleDict(), self.name):
            raise InputError(
                f"name: expected another one than {self.name!r}, which torch.nn.ModuleDict, where "
                "networks keep the parts of a task, has for something of its own"
            )

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Accept `paint`, the name of `visualize` in ctal 0.1, for definitions and for calls."""
        super().__init_subclass__(**kwargs)
        own = vars(cls)
        if "paint" in own and "visualize" not in own:
            warnings.warn(
                f"{cls.__name__}: expected a method visualize, got paint; rename it",
                FutureWarning,
                stacklevel=2,
            )
            cls.visualize = own["paint"]  # type: ignore[method-assign]
        elif "visualize" in own:
            # for each class, so that super().paint() of a task of one's own ends
            setattr(cls, "paint", own["visualize"])  # noqa: B010

    @property
    @abstractmethod
    def channels(self) -> int:
        """Number of channels of the raw map."""

    @abstractmethod
    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        """Mean loss over the labelled pixels of the batch, a float32 scalar.

        A batch without one labelled pixel gives 0 with a gradient of 0.

        Args:
            raw: (B, channels, H, W), of any floating type.
            target: a batch of `map_type`.
        """

    @abstractmethod
    def decode(self, raw: Tensor) -> Tensor:
        """The prediction in the task's unit, of the target's shape, from (B, channels, H, W).

        Class ids are int64, all else is float32.
        """

    @abstractmethod
    def encode(self, target: Tensor) -> Tensor:
        """A raw map (B, channels, H, W) that decodes to `target` wherever it is labelled.

        Its mean over labelled pixels is the raw output of the trivial predictor (majority class,
        mean depth, mean normal, the more frequent answer).
        """

    @abstractmethod
    def valid(self, target: Tensor) -> Tensor:
        """Which pixels have a label: (B, H, W), bool."""

    @abstractmethod
    def check(self, target: Tensor) -> None:
        """Looks at the values of one label map (a single `map_type`, no batch).

        Raises:
            InputError: a value that the task cannot have (a class id out of range, a depth that is
                negative or not finite, a normal whose length is neither 0 nor 1, an answer other
                than 0 and 1).
        """

    @abstractmethod
    def metrics(self) -> dict[str, Metric]:
        """Fresh metrics by name, which take (prediction, target); the first is the primary one.

        `higher_is_better` of each gives the sign of its change in Delta_m.
        """

    @abstractmethod
    def error(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Error of every pixel, (B, H, W) float32; NaN where unlabelled."""

    @abstractmethod
    def visualize(self, prediction: Tensor, reference: Tensor | None = None) -> Tensor:
        """One prediction or target (no batch) as a picture, (3, H, W) uint8.

        Args:
            prediction: a single map in the target's form.
            reference: the map whose range of values sets the colours (a prediction is best painted
                in the range of its ground truth); by default the prediction itself.
        """

    def legend(self, prediction: Tensor) -> list[tuple[str, str]]:
        """What the colours of a painted map (H, W) mean: "#rrggbb" and words, most seen first.

        None by default, for colours that stand for numbers.
        """
        return []


def masked(maps: Tensor, valid: Tensor) -> Tensor:
    """`maps` (B, C, H, W) in float32, with 0 wherever not `valid` (B, H, W).

    A loss begins with this: NaN in an unlabelled pixel would spoil the gradient of any function
    that sees it, even where its value is discarded later (0 * NaN is NaN).
    """
    return torch.where(valid.unsqueeze(1), maps.float(), 0.0)


def masked_mean(values: Tensor, valid: Tensor) -> Tensor:
    """Mean of `values` (B, H, W) over `valid` (B, H, W); 0 with a gradient of 0 if none is valid.

    `where` and not a product: what an unlabelled pixel holds, NaN included, must not count, and
    its gradient must be 0.
    """
    total = torch.where(valid, values, 0.0).sum()
    return total / valid.sum().clamp(min=1)
