"""`ctal demo`: predictions and affinities in the browser, on this machine, without the network."""

from ctal.cli.demo import demo

__all__ = ["demo"]
