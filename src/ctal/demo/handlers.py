"""What the demo answers to a visitor: a picture chosen, a pixel clicked."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import gradio as gr
from torch import Tensor

from ctal.demo.surface import surface
from ctal.demo.views import explained, painted, pixel_at
from ctal.demo.visits import Visit, Visits, take_upload, visit
from ctal.errors import InputError
from ctal.explanation import Pixel, modules_of
from ctal.inference.model import Model
from ctal.io.images import read_image
from ctal.tasks.depth import is_metric_depth

P = ParamSpec("P")
R = TypeVar("R")


def _told(method: Callable[P, R]) -> Callable[P, R]:
    """Shows a visitor's mistakes as one line, and nothing of the program's own."""

    @functools.wraps(method)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(*args, **kwargs)
        except InputError as error:
            raise gr.Error(str(error), print_exception=False) from error

    return wrapped


class Handlers:
    """The page's events; each gives the values of the components that it changes, in their order.

    Args:
        model: a network with CTAL in it.
        single: a network to show beside it, or none.
        examples: pictures to choose from.
        files: the folder of all files of the page: uploads and surfaces.

    Attributes:
        modules: names of the CTAL modules in the network.
        refined: the tasks of the first of them.
        single_tasks: the tasks of the network beside it.
        surfaces: the titles of the depth maps that are shown as surfaces.

    Raises:
        InputError: the network has no CTAL module, or several with different tasks.
    """

    def __init__(
        self, model: Model, single: Model | None, examples: Sequence[Path], files: Path
    ) -> None:
        modules = modules_of(model.network)
        self.modules = list(modules)
        self.refined = next(iter(modules.values())).tasks
        if any(module.tasks != self.refined for module in modules.values()):
            raise InputError("ctal demo: expected CTAL modules of the same tasks; see ctal explain")
        names = [task.name for task in model.tasks]
        self.single_tasks = [t.name for t in single.tasks if t.name in names] if single else []
        self._depths = [task.name for task in model.tasks if is_metric_depth(task)]
        beside = [f"{name}, single-task" for name in self._depths if name in self.single_tasks]
        self.surfaces = [*self._depths, *beside]
        self._model, self._single, self._examples, self._files = model, single, examples, files
        self._visits = Visits()

    @_told
    def first(self, module: str, request: gr.Request) -> list[Any]:
        """The page is opened."""
        return self._shown(read_image(self._examples[0]), module, request)

    @_told
    def uploaded(self, path: str | None, module: str, request: gr.Request) -> list[Any]:
        """A picture is sent; its file is removed as soon as it is read."""
        return self._shown(take_upload(path, self._files), module, request)

    @_told
    def example(self, module: str, event: gr.SelectData, request: gr.Request) -> list[Any]:
        """An example is chosen, by its number."""
        number = int(event.index) % len(self._examples)
        return self._shown(read_image(self._examples[number]), module, request)

    @_told
    def clicked(self, module: str, event: gr.SelectData, request: gr.Request) -> list[Any]:
        """A pixel is clicked, in any of the pictures."""
        kept = self._visits.get(_session(request))
        return self._explained(kept, pixel_at(kept, event.index), module)

    @_told
    def other_module(self, module: str, request: gr.Request) -> list[Any]:
        """Another CTAL module is chosen."""
        kept = self._visits.get(_session(request))
        return self._explained(kept, _middle(kept), module)

    def left(self, request: gr.Request) -> None:
        """The page is closed."""
        self._visits.drop(_session(request))

    def _shown(self, picture: Tensor, module: str, request: gr.Request) -> list[Any]:
        """All of a new picture: nothing for the upload, the maps, and its middle explained."""
        kept = visit(picture, self._model, self._single)
        self._visits.put(_session(request), kept)
        ours, others = painted(kept, self._model.tasks)
        explained = self._explained(kept, _middle(kept), module)
        return [None, *ours, *others, *self._written(kept), *explained]

    def _explained(self, kept: Visit, pixel: Pixel, module: str) -> list[Any]:
        if module not in self.modules:
            raise InputError(f"CTAL module: expected one of {self.modules}")
        found = explained(kept, pixel, module)
        return [found.told, found.picture, *found.affinity, *found.mixed, *found.added]

    def _written(self, kept: Visit) -> list[str]:
        """Files of the surfaces, each under a name that no other visitor can guess."""
        maps = [kept.maps[name] for name in self._depths]
        maps += [kept.single[name] for name in self._depths if name in kept.single]
        files = [self._files / f"{uuid.uuid4().hex}.glb" for _ in maps]
        for file, depth in zip(files, maps, strict=True):
            file.write_bytes(surface(depth, kept.picture))
        return [str(file) for file in files]


def _session(request: gr.Request) -> str:
    """The page that asks; without one, visitors would see each other's pictures."""
    if not request.session_hash:
        raise InputError("expected the session of a page")
    return str(request.session_hash)


def _middle(kept: Visit) -> Pixel:
    return kept.size[1] // 2, kept.size[0] // 2
