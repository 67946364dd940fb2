"""Which way the axes of a dataset's stored normals point: as given, or found by looking."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ctal.data.completeness import incomplete_allowed
from ctal.data.geometry import Floats, axis_signs
from ctal.errors import InputError

Signs = tuple[float, float, float]
"""1 for x, y and z each if they point right, down and into the scene, and -1 otherwise."""

_LOOKED_AT = 16


def stored_axes(given: Signs | None, names: Sequence[str], read: Callable[[str], Floats]) -> Signs:
    """The signs that bring stored normals into the conventions here.

    Args:
        given: those that a person gives; None: they are found by looking at 16 samples.
        names: all samples.
        read: the normals of one of them, (H, W, 3) as stored.

    Raises:
        InputError: the given ones are no signs, or the samples cannot be read or do not tell.
    """
    if given is None:
        chosen = names[:: max(1, len(names) // _LOOKED_AT)][:_LOOKED_AT]
        return axis_signs(_readable(chosen, read))
    if not all(sign in (1, -1) for sign in given):
        raise InputError(f"normal_axes: expected 1 or -1 for each of x, y and z, got {given}")
    return given


def _readable(names: Sequence[str], read: Callable[[str], Floats]) -> Iterator[Floats]:
    """The normals of the samples; without the broken ones where these are told later."""
    failures = []
    for name in names:
        try:
            yield read(name)
        except InputError as error:
            failures.append(error)
            if not incomplete_allowed() or len(failures) == len(names):
                raise
