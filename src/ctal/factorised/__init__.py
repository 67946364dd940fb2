"""Factorised form of cross-task affinity as one operator; `ctal.functional` has the equations.

`operator` registers it with torch, and `passes` implements its forward and backward pass.
`convolutions` and `matmuls` implement the five matrix products of these passes, for CPUs and for
other devices; `minimal_filtering` has those of large images, with fewer operations. `portable` has
the forward pass for exported files, and `choice` estimates the cost of both forms.
"""

from ctal.factorised.choice import cheaper_method, multiply_adds
from ctal.factorised.operator import factorised_affinity

__all__ = ["cheaper_method", "factorised_affinity", "multiply_adds"]
