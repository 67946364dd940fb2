"""Model card: tasks, training, scores, cost and licenses of a network."""

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

One network that predicts, for every pixel of an image: {tasks}. Images are resized to
{height}x{width} (height x width); maps have the size of the image.

```python
import ctal

maps = ctal.load("PATH OR ID OF THIS FOLDER").predict("photo.jpg")
```
"""


def model_card(network: Network, about: Mapping[str, Any]) -> str:
    """Return the model card of a network, Markdown with the metadata that hubs read.

    Args:
        network: the network.
        about: metadata of its training, as `ctal.sharing.provenance` returns it.
    """
    names = [task.name for task in network.tasks]
    encoders = {m.name: m for m in network.modules() if isinstance(m, Encoder)}
    height, width = network.image_size
    head = _HEAD.format(
        tags="\n".join(f"- {name.replace('_', '-')}" for name in names),
        name=type(network).__name__,
        encoder=" and ".join(encoders) or "a custom encoder",
        tasks=", ".join(names),
        height=height,
        width=width,
    )
    parts = [head, _tasks(network), _cost(network), _settings("Data", about.get("data"))]
    parts += [_settings("Training", about.get("training")), _scores(network, about)]
    return "\n".join([*filter(None, parts), _licenses(encoders, about)])


def _tasks(network: Network) -> str:
    lines = ["## Tasks", "", "| task | kind | unit | classes |", "|---|---|---|---|"]
    for task in network.tasks:
        classes = ", ".join(getattr(task, "class_names", None) or []) or "-"
        lines.append(f"| {task.name} | {type(task).__name__} | {task.unit} | {classes} |")
    return "\n".join(lines) + "\n"


def _cost(network: Network) -> str:
    return (
        f"## Cost\n\n{parameters(network) / 1e6:.2f} million parameters, "
        f"{gmacs(network):.2f} billion multiply-adds per image.\n"
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
        return "## Scores\n\nUnknown: the network was saved from a run without scores.\n"
    chosen = "; the epoch was chosen on it" if about.get("scored on") == "val" else ""
    lines = [f"## Scores on {about.get('scored on')}{chosen}", ""]
    lines += ["| task | metric | value | meaning |", "|---|---|---:|---|"]
    for measure in measures(network.tasks):
        value = scores.get(measure.key)
        if value is not None:
            text = f"{100 * value:.2f} %" if measure.share else f"{value:.4g}"
            meaning = measure.meaning.replace("|", "\\|")  # a bar would end the cell
            lines.append(f"| {measure.task} | {measure.title()} | {text} | {meaning} |")
    return "\n".join(lines) + "\n"


def _licenses(encoders: Mapping[str, Encoder], about: Mapping[str, Any]) -> str:
    """Return the licenses of the encoder's weights; those of the data are not known."""
    training = about.get("training")
    first = training.get("encoder's first weights") if isinstance(training, Mapping) else None
    first = first if isinstance(first, str) else None
    lines = ["## Licenses", ""]
    for name in encoders:
        config = timm.get_pretrained_cfg(name)
        terms = (config.license if config else None) or "not stated by timm"
        origin = {
            None: f"source of its initial weights not known; license of timm's weights: {terms}",
            "random": "trained from random weights",
            "timm's": f"started from timm's weights (license: {terms})",
        }.get(
            first,
            f"started from {first} (license of timm's weights: {terms})",
        )
        lines.append(f"- encoder {name}: {origin}")
    lines.append("- training data: its license applies too and may restrict the use of the network")
    return "\n".join(lines) + "\n"
