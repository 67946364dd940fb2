"""Current names for former names in saved files and configurations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ctal.config.renames import renamed_arguments

CLASSES = {
    "ctal.networks.single_task.SingleTaskNet": "ctal.networks.SingleTaskNet",
    "ctal.networks.shared_encoder.SharedEncoderNet": "ctal.networks.SharedEncoderNet",
    "ctal.networks.pad.PADNet": "ctal.networks.PADNet",
    "ctal.networks.pap.PAPNet": "ctal.networks.PAPNet",
    "ctal.networks.mti.MTINet": "ctal.networks.MTINet",
    "ctal.networks.ctal.CTALNet": "ctal.networks.CTALNet",
    "ctal.networks.multi_scale_ctal.MultiScaleCTALNet": "ctal.networks.MultiScaleCTALNet",
    "ctal.tasks.semseg.SemanticSegmentation": "ctal.tasks.SemanticSegmentation",
    "ctal.tasks.depth.Depth": "ctal.tasks.Depth",
    "ctal.tasks.inverse_depth.InverseDepth": "ctal.tasks.InverseDepth",
    "ctal.tasks.normals.SurfaceNormals": "ctal.tasks.SurfaceNormals",
    "ctal.tasks.edges.Edges": "ctal.tasks.Edges",
    "ctal.tasks.saliency.Saliency": "ctal.tasks.Saliency",
    "ctal.tasks.human_parts.HumanParts": "ctal.tasks.HumanParts",
}
"""Public names of classes, by the import path that ctal 0.1 wrote."""


def upgraded(description: Any) -> Any:
    """Return a description of a network or a task with current names.

    Args:
        description: {"class": name, "arguments": {...}} and more, from a file of any version;
            anything else is returned unchanged, for the reader to refuse.
    """
    if not isinstance(description, Mapping) or not isinstance(description.get("class"), str):
        return description
    name = str(CLASSES.get(description["class"], description["class"]))
    changed: dict[str, Any] = {"class": name}
    if isinstance(arguments := description.get("arguments"), Mapping):
        changed["arguments"] = renamed_arguments(arguments, name)
    if isinstance(tasks := description.get("tasks"), list):
        changed["tasks"] = [upgraded(task) for task in tasks]
    return {**description, **changed}
