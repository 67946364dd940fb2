"""Networks: pictures in, raw maps of all tasks out."""

from ctal.networks.base import Network, Predictions

__all__ = ["Network", "Predictions"]
