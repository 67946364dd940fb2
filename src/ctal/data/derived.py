"""Derived maps, computed from another map of the same sample."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ctal.data.base import Sample
from ctal.data.camera import Camera
from ctal.data.geometry import normals_from_depth
from ctal.data.geometry_edges import class_borders, depth_jumps
from ctal.errors import InputError
from ctal.maps import ClassMap, DepthMap, Map
from ctal.tasks import Edges, SurfaceNormals, Task


class DerivedMap(ABC):
    """The map of one task, computed from the map of another task.

    A subclass sets the type of its source and implements the computation. Pass instances to
    `ctal.data.FolderDataset` in `derived`.

    Args:
        task: The task of the derived map.
        source: Name of the task of the source map.

    Attributes:
        source_type: The required type of the source map.
    """

    source_type: ClassVar[type[Map]]

    def __init__(self, task: Task, source: str) -> None:
        self.task = task
        self.source = source

    @abstractmethod
    def compute(self, values: NDArray[Any]) -> NDArray[Any]:
        """Compute the array of this map, in the layout of files, from the source's array (H, W)."""

    def derive(self, sample: Sample) -> Map:
        """Compute the map of a sample that has the source map."""
        values = np.asarray(sample[self.source])
        return self.task.map_type.from_array(self.compute(values.reshape(values.shape[-2:])))

    def check_source(self, tasks: dict[str, Task]) -> None:
        """Check that the tasks include the source, with the required type.

        Raises:
            InputError: The source is missing or has another type.
        """
        fitting = [
            name for name, task in tasks.items() if issubclass(task.map_type, self.source_type)
        ]
        if self.source not in fitting:
            raise InputError(
                f"derived: {self.task.name}: expected a source with a {self.source_type.__name__} "
                f"among the maps {', '.join(tasks)}, got {self.source!r}"
            )


class NormalsFromDepth(DerivedMap):
    """Surface normals of planes fitted to back-projected depth (`ctal.data.geometry`).

    The camera is that of the map files on disk, before any resizing, or of the images of `size`.

    Args:
        fx: Horizontal focal length, pixels.
        fy: Vertical focal length, pixels.
        cx: Column of the principal point, from 0.
        cy: Row of the principal point, from 0.
        size: (H, W) of the images for which these four are valid; they are scaled to the size of
            the map files. None: that of the map files.
        radius: Half the width of the window, pixels. None: 1/64 of the image's width.
        jump: Relative change of depth that separates two objects.
        within: Top, bottom, left and right of the region with measured depth, as rows and columns
            from 0, the ends excluded; normals outside are unlabelled. None: the whole image.
        source: Name of the depth task.
        task: The task of the normals. None: `SurfaceNormals()`.

    Raises:
        InputError: A camera parameter is missing or invalid, or `within` is not a rectangle.
    """

    source_type = DepthMap

    def __init__(
        self,
        # None, so that the error below names the parameters that a configuration omits
        fx: float | None = None,
        fy: float | None = None,
        cx: float | None = None,
        cy: float | None = None,
        *,
        size: tuple[int, int] | None = None,
        radius: int | None = None,
        jump: float = 0.05,
        within: tuple[int, int, int, int] | None = None,
        source: str = "depth",
        task: Task | None = None,
    ) -> None:
        super().__init__(task or SurfaceNormals(), source)
        if within and not (0 <= within[0] < within[1] and 0 <= within[2] < within[3]):
            raise InputError(
                "within: expected top < bottom and left < right, rows and columns from 0, "
                f"got {within}"
            )
        if fx is None or fy is None or cx is None or cy is None:
            raise InputError(
                f"derived: {self.task.name}: expected the camera's fx, fy, cx and cy, in pixels of "
                f"the depth files, got fx: {fx}, fy: {fy}, cx: {cx}, cy: {cy}"
            )
        self.within = within
        self.camera = Camera(fx, fy, cx, cy, size)
        self.radius = radius
        self.jump = jump

    def compute(self, values: NDArray[Any]) -> NDArray[Any]:
        """Compute normals (H, W, 3) from meters (H, W)."""
        depth = values
        if self.within:
            top, bottom, left, right = self.within
            depth = np.zeros_like(values)
            depth[top:bottom, left:right] = values[top:bottom, left:right]
        return normals_from_depth(depth, self.camera, radius=self.radius, jump=self.jump)


class EdgesFromClasses(DerivedMap):
    """The borders between classes, one pixel wide (`ctal.data.geometry_edges.class_borders`).

    Args:
        gap: Unlabelled slivers between classes of up to twice this width, pixels, are closed.
        source: Name of the task with the classes.
        task: The task of the edges. None: `Edges()`.
    """

    source_type = ClassMap

    def __init__(self, *, gap: int = 0, source: str = "semseg", task: Task | None = None) -> None:
        super().__init__(task or Edges(), source)
        self.gap = gap

    def compute(self, values: NDArray[Any]) -> NDArray[Any]:
        """Compute edges 0, 1 or 255 (unlabelled) from class ids (H, W)."""
        return class_borders(values, gap=self.gap)


class EdgesFromDepth(DerivedMap):
    """Occlusion contours: the near side of depth jumps (`ctal.data.geometry_edges.depth_jumps`).

    Args:
        jump: Relative change of depth between neighbors.
        source: Name of the depth task.
        task: The task of the edges. None: `Edges()`.
    """

    source_type = DepthMap

    def __init__(
        self, *, jump: float = 0.1, source: str = "depth", task: Task | None = None
    ) -> None:
        super().__init__(task or Edges(), source)
        self.jump = jump

    def compute(self, values: NDArray[Any]) -> NDArray[Any]:
        """Compute edges 0, 1 or 255 (unlabelled) from meters (H, W)."""
        return depth_jumps(values, jump=self.jump)
