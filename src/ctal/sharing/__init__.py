"""Sharing of networks: provenance, model card, and a folder or a hub with both."""

from ctal.sharing.provenance import provenance
from ctal.sharing.saved import push, write_saved

__all__ = ["provenance", "push", "write_saved"]
