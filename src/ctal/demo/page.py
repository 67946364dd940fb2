"""The page of the demo: its layout and its events."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

import gradio as gr
from gradio.components import Component

from ctal.demo.handlers import Handlers
from ctal.demo.texts import AFFINITY, INTRODUCTION, MIXED, SINGLE, SURFACES, about
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
    titles = {task.name: task.title for task in model.tasks}
    with gr.Blocks(title="ctal", analytics_enabled=False, fill_width=True) as blocks:
        with gr.Row():
            with gr.Column(scale=1, min_width=240):
                upload, gallery, module = _choice(handlers, examples)
                gr.Markdown(about(model, single))
            with gr.Column(scale=5, min_width=300):
                status = gr.HTML(elem_id="status", min_height=44)
                values = gr.HTML(elem_id="values")
                with gr.Row():
                    with gr.Column(min_width=220):
                        image = _image("Image: click a pixel", "image")
                    predicted, legends = _predicted(tasks, titles)
                others = _others(tasks, handlers.single_tasks)
                caption, affinity, mixed, added = _explained(handlers.refined)
                surfaces = _surfaces(handlers)
        explained = [caption, image, *affinity, *mixed, *added]
        images = [image, *predicted, *others, *affinity, *mixed]
        texts = [status, values]
        shown = [upload, *texts, *predicted, *legends, *others, *surfaces, *explained]
        _answer(handlers, blocks, (upload, gallery, module), images, shown, explained)
        blocks.unload(handlers.left)
    return blocks.queue(max_size=_WAITING)


def _choice(handlers: Handlers, examples: Sequence[Path]) -> tuple[gr.File, gr.Gallery, gr.Radio]:
    """Build the inputs: an upload, examples and, if there are several, the CTAL modules."""
    gr.Markdown(INTRODUCTION)
    upload = gr.File(
        label="Your photo: drop it here", file_types=["image"], type="filepath", height=150
    )
    gallery = gr.Gallery(
        [str(example) for example in examples],
        label="Or choose an example",
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
    # progress and errors are shown in the line above the images, not on top of each
    all_at = functools.partial(alone, outputs=shown, show_progress_on=[shown[1]])
    all_at(blocks.load, handlers.first)
    uploaded = all_at(upload.upload, handlers.uploaded, inputs=[upload, module])
    # without its file, the upload accepts the next one
    uploaded.failure(None, js="() => null", outputs=[upload])
    all_at(gallery.select, handlers.example)
    alone(module.change, handlers.other_module, outputs=explained)
    clicks = [image.select for image in images]
    alone(
        clicks,
        handlers.clicked,
        outputs=explained,
        show_progress_on=[explained[0]],
        # "once" drops a click while another one is computed, "always_last" its place (gradio 6.31)
        trigger_mode="multiple",
    )


def _predicted(
    tasks: Sequence[str], titles: Mapping[str, str]
) -> tuple[list[gr.Image], list[gr.HTML]]:
    """Build a column for each task: its map, and the meaning of the colors."""
    images, legends = [], []
    for name in tasks:
        with gr.Column(min_width=220):
            images.append(_image(titles[name], f"predicted-{name}"))
            legends.append(gr.HTML(elem_id=f"legend-{name}"))
    return images, legends


def _explained(
    refined: Sequence[str],
) -> tuple[gr.HTML, list[gr.Image], list[gr.Image], list[gr.HTML]]:
    """Build the rows about the clicked pixel: contributions, A and G of each refined task."""
    caption = gr.HTML(elem_id="caption")
    with gr.Row():
        added = [_in_column(f"added-{name}") for name in refined]
    gr.HTML(AFFINITY)
    with gr.Row():
        affinity = [_image(f"Similar pixels for {n} (A)", f"affinity-{n}") for n in refined]
    gr.HTML(MIXED)
    with gr.Row():
        mixed = [_image(f"Weights of pixels for {n} (G)", f"mixed-{n}") for n in refined]
    return caption, affinity, mixed, added


def _in_column(name: str) -> gr.HTML:
    """Build a text that wraps below the one before it on a narrow page."""
    with gr.Column(min_width=220):
        return gr.HTML(elem_id=name)


def _image(label: str, name: str) -> gr.Image:
    return gr.Image(
        label=label,
        interactive=False,
        format="png",
        buttons=[],
        elem_id=name,
        elem_classes="ctal-image",
        min_width=220,
        alt_text=label,
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
    gr.HTML(SURFACES)
    with gr.Row():
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
