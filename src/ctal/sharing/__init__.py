"""Networks to give away: a folder of safetensors, a configuration and a model card; model hubs."""

from ctal.sharing.hub import fetch, is_hub_id, push
from ctal.sharing.provenance import provenance
from ctal.sharing.saved import is_saved, load_weights, read_saved, write_saved

__all__ = [
    "fetch",
    "is_hub_id",
    "is_saved",
    "load_weights",
    "provenance",
    "push",
    "read_saved",
    "write_saved",
]
