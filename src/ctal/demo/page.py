"""The page of the demo: its layout and its events."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import gradio as gr
from gradio.components import Component

from ctal.demo.handlers import Handlers
from ctal.demo.texts import ADDED, INTRODUCTION, MIXED, SINGLE, SURFACES, about
from ctal.inference.model import Model

_WAITING = 200  # events in the queue; more are refused


def page(
    model: Model, single: Model | None, examples: Sequence[Path], handlers: Handlers
) -> gr.Blocks:
    """Build the page.

    Args:
        model: a network with CTAL.
        single: a single-task network for comparison, or None.
        examples: example images.
        handlers: the handlers of its events.
    """
    # served in place: a copy would be among the visitors' files, which they can remove
    gr.set_static_paths([str(example) for example in examples])
    tasks = [task.name for task in model.tasks]
    with gr.Blocks(title="ctal", analytics_enabled=False, fill_width=True) as blocks:
        with gr.Row():
            with gr.Column(scale=1, min_width=240):
                upload, gallery, module = _choice(handlers, examples)
                gr.Markdown(about(model, single))
            with gr.Column(scale=5):
                with gr.Row():
                    image = _image("image: click a pixel", "image")
                    predicted = [_image(name, f"predicted-{name}") for name in tasks]
                others = _others(tasks, handlers.single_tasks)
                with gr.Row():
                    caption = gr.HTML(elem_id="caption")
                    affinity = [_image(f"A of {n}", f"affinity-{n}") for n in handlers.refined]
                with gr.Row():
                    gr.HTML(MIXED)
                    mixed = [_image(f"G for {n}", f"mixed-{n}") for n in handlers.refined]
                with gr.Row():
                    gr.HTML(ADDED)
                    added = [gr.HTML(elem_id=f"added-{n}") for n in handlers.refined]
                surfaces = _surfaces(handlers)
        explained = [caption, image, *affinity, *mixed, *added]
        images = [image, *predicted, *others, *affinity, *mixed]
        shown = [upload, *predicted, *others, *surfaces, *explained]
        _answer(handlers, blocks, (upload, gallery, module), images, shown, explained)
        blocks.unload(handlers.left)
    return blocks.queue(max_size=_WAITING)


def _choice(handlers: Handlers, examples: Sequence[Path]) -> tuple[gr.File, gr.Gallery, gr.Radio]:
    """Build the inputs: an upload, examples and, if there are several, the CTAL modules."""
    gr.Markdown(INTRODUCTION)
    upload = gr.File(label="your image", file_types=["image"], type="filepath", height=120)
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
    images: Sequence[gr.Image],
    shown: Sequence[Component],
    explained: Sequence[Component],
) -> None:
    """Connect a choice, which changes all outputs, and a click in an image to their handlers."""
    upload, gallery, module = choice
    # one at a time: the model is locked while it runs
    alone = functools.partial(gr.on, inputs=[module], concurrency_limit=1, concurrency_id="network")
    alone(blocks.load, handlers.first, outputs=shown)
    alone(upload.upload, handlers.uploaded, inputs=[upload, module], outputs=shown)
    alone(gallery.select, handlers.example, outputs=shown)
    alone(module.change, handlers.other_module, outputs=explained)
    clicks = [image.select for image in images]
    alone(
        clicks,
        handlers.clicked,
        outputs=explained,
        # the place in the queue is shown beside the images, not on top of each
        show_progress_on=[explained[0]],
        # "once" drops a click while another one is computed, "always_last" its place (gradio 6.31)
        trigger_mode="multiple",
    )


def _image(label: str, name: str) -> gr.Image:
    return gr.Image(
        label=label,
        interactive=False,
        format="png",
        buttons=[],
        elem_id=name,
        elem_classes="ctal-image",
        min_width=120,
    )


def _others(tasks: Sequence[str], single: Sequence[str]) -> list[gr.Image]:
    """Build the row of the single-task network, with gaps for missing tasks."""
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
    """Build the row of depth surfaces, if there is depth."""
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
