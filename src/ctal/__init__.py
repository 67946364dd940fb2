"""Multitask dense scene prediction with cross-task affinity learning (CTAL)."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ctal.functional import cross_task_affinity as cross_task_affinity
    from ctal.inference.loading import load as load
    from ctal.inference.model import Model as Model
    from ctal.networks import CTAL as CTAL
    from ctal.networks import CTALNet as CTALNet
    from ctal.networks import MTINet as MTINet
    from ctal.networks import MultiScaleCTALNet as MultiScaleCTALNet
    from ctal.networks import PADNet as PADNet
    from ctal.networks import PAPNet as PAPNet
    from ctal.networks import SharedEncoderNet as SharedEncoderNet
    from ctal.networks import SingleTaskNet as SingleTaskNet
    from ctal.tasks import Depth as Depth
    from ctal.tasks import Edges as Edges
    from ctal.tasks import HumanParts as HumanParts
    from ctal.tasks import InverseDepth as InverseDepth
    from ctal.tasks import Saliency as Saliency
    from ctal.tasks import SemanticSegmentation as SemanticSegmentation
    from ctal.tasks import SurfaceNormals as SurfaceNormals

__version__ = "0.1.0"

_HOMES = {
    "ctal.functional": ("cross_task_affinity",),
    "ctal.inference.loading": ("load",),
    "ctal.inference.model": ("Model",),
    "ctal.networks": (
        *("CTAL", "CTALNet", "MTINet", "MultiScaleCTALNet", "PADNet", "PAPNet"),
        *("SharedEncoderNet", "SingleTaskNet"),
    ),
    "ctal.tasks": (
        *("Depth", "Edges", "HumanParts", "InverseDepth", "Saliency", "SemanticSegmentation"),
        "SurfaceNormals",
    ),
}
_NAMES = {name: home for home, names in _HOMES.items() for name in names}
_PACKAGES = ("data", "functional", "inference", "networks", "tasks", "training", "visualization")
__all__ = ["__version__", *_NAMES]


def __getattr__(name: str) -> Any:
    """Import a public name or package at its first use: `ctal --help` does not wait for torch."""
    if name in _PACKAGES:
        return import_module(f"ctal.{name}")
    if name not in _NAMES:
        raise AttributeError(f"module 'ctal' has no attribute {name!r}")
    return getattr(import_module(_NAMES[name]), name)


def __dir__() -> list[str]:
    """List the public names and packages, also those that are not imported yet."""
    return sorted({*globals(), *__all__, *_PACKAGES})
