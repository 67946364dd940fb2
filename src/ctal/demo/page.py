"""The demo's page: where everything stands, and what follows a click."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import gradio as gr
from gradio.components import Component

from ctal.demo.handlers import Handlers
from ctal.demo.texts import ADDED, INTRODUCTION, MIXED, SINGLE, SURFACES, about
from ctal.inference.model import Model

# Files of the page are removed by the second when they are older than that, in seconds: a browser
# has loaded them by then.
_CLEARING = (60, 600)
_WAITING = 32  # visitors; more are asked to come back


def page(model: Model, single: Model | None, examples: Sequence[Path], files: Path) -> gr.Blocks:
    """Builds the page.

    Args:
        model: a network with CTAL in it.
        single: a network to show beside it, or none.
        examples: pictures to choose from.
        files: the folder of all files of the page, which is removed at the end.
    """
    # served from where they lie: a copy would be among the visitors' files, which they may remove
    gr.set_static_paths([str(example) for example in examples])
    handlers = Handlers(model, single, examples, files)
    tasks = [task.name for task in model.tasks]
    with gr.Blocks(
        title="ctal", analytics_enabled=False, fill_width=True, delete_cache=_CLEARING
    ) as blocks:
        with gr.Row():
            with gr.Column(scale=1, min_width=240):
                upload, gallery, module = _choice(handlers, examples)
                gr.Markdown(about(model, single))
            with gr.Column(scale=5):
                with gr.Row():
                    picture = _image("picture: click a pixel", "picture")
                    predicted = [_image(name, f"predicted-{name}") for name in tasks]
                others = _others(tasks, handlers.single_tasks)
                with gr.Row():
                    told = gr.HTML(elem_id="told")
                    affinity = [_image(f"A of {n}", f"affinity-{n}") for n in handlers.refined]
                with gr.Row():
                    gr.HTML(MIXED)
                    mixed = [_image(f"G for {n}", f"mixed-{n}") for n in handlers.refined]
                with gr.Row():
                    gr.HTML(ADDED)
                    added = [gr.HTML(elem_id=f"added-{n}") for n in handlers.refined]
                surfaces = _surfaces(handlers)
        explained = [told, picture, *affinity, *mixed, *added]
        pictures = [picture, *predicted, *others, *affinity, *mixed]
        shown = [upload, *predicted, *others, *surfaces, *explained]
        _answer(handlers, blocks, (upload, gallery, module), pictures, shown, explained)
        blocks.unload(handlers.left)
    return blocks.queue(max_size=_WAITING)


def _choice(handlers: Handlers, examples: Sequence[Path]) -> tuple[gr.File, gr.Gallery, gr.Radio]:
    """What a visitor chooses from: pictures of one's own, examples and, of several, the module."""
    gr.Markdown(INTRODUCTION)
    upload = gr.File(label="your picture", file_types=["image"], type="filepath", height=120)
    gallery = gr.Gallery(
        [str(example) for example in examples],
        label="examples",
        columns=2,
        height="auto",
        interactive=False,
        allow_preview=False,
        object_fit="cover",
        buttons=[],
        elem_id="examples",
    )
    module = gr.Radio(
        handlers.modules,
        value=handlers.modules[0],
        label="CTAL module",
        visible=len(handlers.modules) > 1,
    )
    return upload, gallery, module


def _answer(
    handlers: Handlers,
    blocks: gr.Blocks,
    choice: tuple[gr.File, gr.Gallery, gr.Radio],
    pictures: Sequence[gr.Image],
    shown: Sequence[Component],
    explained: Sequence[Component],
) -> None:
    """What follows a choice, which changes all that is shown, and a click in a picture."""
    upload, gallery, module = choice
    # one at a time: a network is watched while it runs
    alone = functools.partial(gr.on, inputs=[module], concurrency_limit=1, concurrency_id="network")
    alone(blocks.load, handlers.first, outputs=shown)
    alone(upload.upload, handlers.uploaded, inputs=[upload, module], outputs=shown)
    alone(gallery.select, handlers.example, outputs=shown)
    alone(module.change, handlers.other_module, outputs=explained)
    clicks = [image.select for image in pictures]
    alone(clicks, handlers.clicked, outputs=explained, show_progress="hidden")


def _image(label: str, name: str) -> gr.Image:
    return gr.Image(
        label=label,
        interactive=False,
        format="png",
        buttons=[],
        elem_id=name,
        elem_classes="ctal-picture",
        min_width=120,
    )


def _others(tasks: Sequence[str], single: Sequence[str]) -> list[gr.Image]:
    """The row of the single-task network, if there is one; empty where it lacks a task."""
    if not single:
        return []
    others = []
    with gr.Row():
        gr.HTML(SINGLE)
        for name in tasks:
            if name in single:
                others.append(_image(f"{name}, single-task", f"single-{name}"))
            else:
                gr.HTML()
    return others


def _surfaces(handlers: Handlers) -> list[gr.Model3D]:
    """The row of depth in three dimensions, if a depth is predicted."""
    if not handlers.surfaces:
        return []
    with gr.Row():
        gr.HTML(SURFACES)
        return [
            gr.Model3D(
                label=label,
                interactive=False,
                clear_color=(0.93, 0.93, 0.93, 1.0),
                camera_position=(100, 80, None),
                height=320,
                elem_id=f"surface-{index}",
            )
            for index, label in enumerate(handlers.surfaces)
        ]
