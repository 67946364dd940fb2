"""The model card: what a network is, does, was trained with, scores, costs and may be used for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import timm

from ctal.evaluation.metric_info import measures
from ctal.networks import Encoder, Network
from ctal.profiling.cost import gmacs, parameters

_HEAD = """---
library_name: ctal
pipeline_tag: image-segmentation
tags:
- multitask-learning
- dense-prediction
{tags}
---

# {name} with {encoder}

One network that predicts, for every pixel of a picture: {tasks}. Pictures are brought to
{height}x{width} (height x width); maps come back at the picture's own size.

```python
import ctal

maps = ctal.load("PATH OR ID OF THIS FOLDER").predict("photo.jpg")
```
"""


def model_card(network: Network, about: Mapping[str, Any]) -> str:
    """The card of a network, Markdown with the head that hubs read.

    Args:
        network: the network.
        about: what is known of its training, as `ctal.sharing.provenance` tells it.
    """
    names = [task.name for task in network.tasks]
    encoders = {m.name: m for m in network.modules() if isinstance(m, Encoder)}
    height, width = network.image_size
    head = _HEAD.format(
        tags="\n".join(f"- {name.replace('_', '-')}" for name in names),
        name=type(network).__name__,
        encoder=" and ".join(encoders) or "an encoder of its own",
        tasks=", ".join(names),
        height=height,
        width=width,
    )
    parts = [head, _tasks(network), _cost(network), _settings("Data", about.get("data"))]
    parts += [_settings("Training", about.get("training")), _scores(network, about)]
    return "\n".join([*filter(None, parts), _licences(encoders, about)])


def _tasks(network: Network) -> str:
    lines = ["## Tasks", "", "| task | kind | unit | classes |", "|---|---|---|---|"]
    for task in network.tasks:
        classes = ", ".join(getattr(task, "class_names", None) or []) or "-"
        lines.append(f"| {task.name} | {type(task).__name__} | {task.unit} | {classes} |")
    return "\n".join(lines) + "\n"


def _cost(network: Network) -> str:
    return (
        f"## Cost\n\n{parameters(network) / 1e6:.2f} million parameters, "
        f"{gmacs(network):.2f} billion multiply-adds per picture.\n"
    )


def _settings(title: str, values: Any) -> str:
    if not isinstance(values, Mapping):
        return ""
    lines = [f"- {key}: {_listed(value)}" for key, value in values.items()]
    return "\n".join([f"## {title}", "", *lines]) + "\n"


def _listed(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _scores(network: Network, about: Mapping[str, Any]) -> str:
    scores = about.get("scores")
    if not isinstance(scores, Mapping):
        return "## Scores\n\nNot known: it was saved from a run that was not scored.\n"
    chosen = "; the epoch was chosen on it" if about.get("scored on") == "val" else ""
    lines = [f"## Scores on {about.get('scored on')}{chosen}", ""]
    lines += ["| task | metric | value | |", "|---|---|---:|---|"]
    for measure in measures(network.tasks):
        value = scores.get(measure.key)
        if value is not None:
            text = f"{100 * value:.2f} %" if measure.share else f"{value:.4g}"
            meaning = measure.meaning.replace("|", "\\|")  # which would end the cell
            lines.append(f"| {measure.task} | {measure.title()} | {text} | {meaning} |")
    return "\n".join(lines) + "\n"


def _licences(encoders: Mapping[str, Encoder], about: Mapping[str, Any]) -> str:
    """What is known of the rights in the encoder's weights; those of the data are not known."""
    training = about.get("training")
    first = training.get("encoder's first weights") if isinstance(training, Mapping) else None
    lines = ["## Licences", ""]
    for name in encoders:
        config = timm.get_pretrained_cfg(name)
        licence = (config.license if config else None) or "not told by timm"
        origin = {
            None: f"where its first weights are from is not known; those of timm: {licence}",
            "random": "trained from random weights",
            "timm's": f"started from timm's weights (licence: {licence})",
        }.get(first, f"started from the file {first} (timm's weights of this model: {licence})")
        lines.append(f"- encoder {name}: {origin}")
    lines.append("- the data it was trained on has terms of its own, which may bind its use")
    return "\n".join(lines) + "\n"
