"""Event handlers of the demo: an image is chosen, a pixel is clicked."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import gradio as gr
from torch import Tensor

from ctal.demo.legends import legend_html
from ctal.demo.surface import surface
from ctal.demo.texts import predicted
from ctal.demo.values import values_html
from ctal.demo.views import explained, pixel_at, visualized
from ctal.demo.visits import Visit, Visits, take_upload, visit
from ctal.errors import InputError
from ctal.explanation import Pixel, modules_of
from ctal.inference.domain import note_on_domain
from ctal.inference.model import Model
from ctal.io.images import read_image
from ctal.tasks.depth import is_metric_depth

P = ParamSpec("P")
R = TypeVar("R")


def _reported(method: Callable[P, R]) -> Callable[P, R]:
    """Show invalid input as one line, without a traceback."""

    @functools.wraps(method)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(*args, **kwargs)
        except InputError as error:
            raise gr.Error(str(error), print_exception=False) from error

    return wrapped


class Handlers:
    """Handlers of the page's events; each returns values of the components that it changes.

    Args:
        model: a network with CTAL.
        single: a single-task network for comparison, or None.
        examples: example images.
        files: the folder of all files of the page: uploads and surfaces.

    Attributes:
        modules: names of the CTAL modules in the network.
        refined: tasks of the first of them.
        single_tasks: tasks of the single-task network.
        surfaces: titles of the depth maps that are shown as surfaces.

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

    @_reported
    def first(self, module: str, request: gr.Request) -> list[Any]:
        """Handle the opening of the page."""
        return self._shown(read_image(self._examples[0]), module, request)

    @_reported
    def uploaded(self, path: str | None, module: str, request: gr.Request) -> list[Any]:
        """Handle an upload; its file is removed as soon as it is read."""
        return self._shown(take_upload(path, self._files), module, request)

    @_reported
    def example(self, module: str, event: gr.SelectData, request: gr.Request) -> list[Any]:
        """Handle the choice of an example by its number."""
        number = int(event.index) % len(self._examples)
        return self._shown(read_image(self._examples[number]), module, request)

    @_reported
    def clicked(self, module: str, event: gr.SelectData, request: gr.Request) -> list[Any]:
        """Handle a click on a pixel of any image."""
        kept = self._kept(_session(request))
        return self._explained(kept, pixel_at(kept, event.index), module)

    @_reported
    def other_module(self, module: str, request: gr.Request) -> list[Any]:
        """Handle the choice of another CTAL module."""
        kept = self._kept(_session(request))
        return self._explained(kept, _middle(kept), module)

    def clear(self) -> None:
        """Drop visits that are not used anymore."""
        self._visits.clear()

    def left(self, request: gr.Request) -> None:
        """Handle the closing of the page."""
        self._visits.drop(_session(request))

    def _shown(self, image: Tensor, module: str, request: gr.Request) -> list[Any]:
        """Return an empty upload, the maps of a new image, and the affinities at its center."""
        kept = visit(image, self._model, self._single)
        self._visits.put(_session(request), kept)
        tasks = self._model.tasks
        ours, others = visualized(kept, tasks)
        legends = [legend_html(task.key(kept.maps[task.name])) for task in tasks]
        texts = [predicted(kept.size, note_on_domain(self._model.about, kept.maps))]
        texts.append(values_html(tasks, kept.maps))
        explained = self._explained(kept, _middle(kept), module)
        return [None, *texts, *ours, *legends, *others, *self._written(kept), *explained]

    def _kept(self, session: str) -> Visit:
        """Return the visit of a session, predicted again if only its image was kept."""
        kept = self._visits.get(session)
        if not isinstance(kept, Visit):
            kept = visit(kept.image, self._model, self._single, kept.size)
            self._visits.put(session, kept)
        return kept

    def _explained(self, kept: Visit, pixel: Pixel, module: str) -> list[Any]:
        if module not in self.modules:
            raise InputError(f"CTAL module: expected one of {self.modules}")
        found = explained(kept, pixel, module, self._model.tasks)
        return [found.caption, found.image, *found.affinity, *found.mixed, *found.added]

    def _written(self, kept: Visit) -> list[str]:
        """Write the files of the surfaces, under names that no other visitor can guess."""
        maps = [kept.maps[name] for name in self._depths]
        maps += [kept.single[name] for name in self._depths if name in kept.single]
        files = [self._files / f"{uuid.uuid4().hex}.glb" for _ in maps]
        for file, depth in zip(files, maps, strict=True):
            file.write_bytes(surface(depth, kept.image))
        return [str(file) for file in files]


def _session(request: gr.Request) -> str:
    """Return the session of a page; without one, visitors would see each other's images."""
    if not request.session_hash:
        raise InputError("session: expected that of a page, got none; reload the page")
    return str(request.session_hash)


def _middle(kept: Visit) -> Pixel:
    return kept.size[1] // 2, kept.size[0] // 2
