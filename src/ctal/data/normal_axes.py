"""Directions of the axes of a dataset's stored normals: as given, or estimated."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ctal.data.camera import Floats
from ctal.data.completeness import incomplete_allowed
from ctal.data.geometry import axis_signs
from ctal.errors import InputError

Signs = tuple[float, float, float]
"""Signs of x, y and z: 1 for right, down and into the scene, -1 for the opposite direction."""

_ESTIMATION_SAMPLES = 16


def stored_axes(given: Signs | None, names: Sequence[str], read: Callable[[str], Floats]) -> Signs:
    """Return the signs that convert stored normals to x right, y down, z into the scene.

    Args:
        given: The signs, if known. None: estimate them from 16 samples.
        names: Names of all samples.
        read: Function that reads the normals of one sample, (H, W, 3) as stored.

    Raises:
        InputError: `given` contains a value other than 1 and -1, a sample cannot be read, or the
            samples do not determine the signs.
    """
    if given is None:
        chosen = names[:: max(1, len(names) // _ESTIMATION_SAMPLES)][:_ESTIMATION_SAMPLES]
        return axis_signs(_readable(chosen, read))
    if not all(sign in (1, -1) for sign in given):
        raise InputError(f"normal_axes: expected 1 or -1 for each of x, y and z, got {given}")
    return given


def _readable(names: Sequence[str], read: Callable[[str], Floats]) -> Iterator[Floats]:
    """Yield the normals of the samples, without broken ones if these are reported later."""
    failures = []
    for name in names:
        try:
            yield read(name)
        except InputError as error:
            failures.append(error)
            if not incomplete_allowed() or len(failures) == len(names):
                raise
