"""Sharing of networks: provenance, model card, and a folder or a hub with both."""

from ctal.networks.hub import fetch, is_hub_id
from ctal.networks.saved import is_saved, load_weights
from ctal.networks.saved import read_network as read_saved
from ctal.sharing.provenance import provenance
from ctal.sharing.saved import push, write_saved

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
