"""Multitask dense scene prediction with cross-task affinity learning (CTAL)."""

from ctal.networks import CTAL

__version__ = "0.1.0"
__all__ = ["CTAL", "__version__"]
