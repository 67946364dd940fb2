"""Multitask dense scene prediction with cross-task affinity learning (CTAL)."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ctal.inference.loading import load
    from ctal.networks import CTAL

__version__ = "0.1.0"
__all__ = ["CTAL", "__version__", "load"]

_HOMES = {"CTAL": "ctal.networks", "load": "ctal.inference.loading"}


def __getattr__(name: str) -> Any:
    """Imports a public name when it is first used: `ctal --help` need not wait for torch."""
    if name not in _HOMES:
        raise AttributeError(f"module 'ctal' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
