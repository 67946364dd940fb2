"""Names in files that earlier versions wrote, and what they are called now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
"""Classes as ctal 0.1 wrote them, by the module that defined them: their public names."""


def upgraded(description: Any) -> Any:
    """Return a description of a network or a task under today's names.

    Args:
        description: {"class": name, "arguments": {...}} and more, from a file of any version;
            anything else is returned as it is, for the reader to refuse.
    """
    if not isinstance(description, Mapping) or not isinstance(description.get("class"), str):
        return description
    changed: dict[str, Any] = {"class": CLASSES.get(description["class"], description["class"])}
    if isinstance(tasks := description.get("tasks"), list):
        changed["tasks"] = [upgraded(task) for task in tasks]
    return {**description, **changed}
