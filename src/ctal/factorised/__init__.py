"""The factorised form of cross-task affinity as one operator; `ctal.functional` has the equations.

`operator` makes it known to torch, `passes` holds its two passes, and `convolutions` and `matmuls`
the five products that they are made of, for CPUs and for other devices. `portable` spells the
forward pass out for exported files, and `choice` counts what either form costs.
"""

from ctal.factorised.choice import cheaper_method, multiply_adds
from ctal.factorised.operator import factorised_affinity

__all__ = ["cheaper_method", "factorised_affinity", "multiply_adds"]
