"""Multitask dense scene prediction with cross-task affinity learning (CTAL).

Predict with a trained network:

    import ctal

    model = ctal.load("nyuv2-lite2")  # bundled; or a run, a checkpoint, a Hub id
    maps = model.predict("photo.jpg")  # {"semseg": (H, W), "depth": (H, W) in meters, ...}

Train one: `ctal fit --config FILE` on the command line, `ctal.training.MultiTaskModule` in Python.

Names of this module:

    load, Model                  load a trained network; predict with it
    BatchPredictor               predict in the workers of Ray Data
    CTAL, cross_task_affinity    cross-task affinity learning as a module and as a function
    SingleTaskNet, SharedEncoderNet, PADNet, PAPNet, MTINet, CTALNet, MultiScaleCTALNet
                                 the networks, in `ctal.networks` with the encoders
    SemanticSegmentation, Depth, InverseDepth, SurfaceNormals, Edges, Saliency, HumanParts
                                 the tasks, in `ctal.tasks`

Packages: `ctal.data` (datasets and transforms), `ctal.networks`, `ctal.tasks`, `ctal.losses`,
`ctal.metrics`, `ctal.weighting`, `ctal.training`, `ctal.inference`, `ctal.export`,
`ctal.explanation`. Names and packages are imported at their first use, torch with them.
"""

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ctal.functional import cross_task_affinity as cross_task_affinity
    from ctal.inference.batches import BatchPredictor as BatchPredictor
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

__version__ = "0.2.0"

_HOMES = {
    "ctal.functional": ("cross_task_affinity",),
    "ctal.inference.batches": ("BatchPredictor",),
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
_PARTS = {part.name for part in iter_modules(__path__) if not part.name.startswith("_")}
__all__ = ["__version__", *_NAMES]


def __getattr__(name: str) -> Any:
    """Import a public name or a package at its first use: `ctal --help` does not wait for torch."""
    if name in _NAMES:
        return getattr(import_module(_NAMES[name]), name)
    if name in _PARTS:
        return import_module(f"ctal.{name}")
    raise AttributeError(f"module 'ctal' has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names and packages, also those that are not imported yet."""
    return sorted({*globals(), *__all__, *_PARTS})
