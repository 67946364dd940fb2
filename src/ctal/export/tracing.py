"""A network as a graph of torch operators: images in, decoded maps out."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn
from torch.export import Dim, ExportedProgram, export

import ctal.factorised.operator  # noqa: F401 - defines the operator that is decomposed below
from ctal.errors import InputError
from ctal.factorised.portable import portable_affinity
from ctal.networks import CTAL, Network
from ctal.networks.encoders.bodies import one_line
from ctal.networks.encoders.encoder import STRIDES

INPUT = "image"
"""Name of the input of a file; a task cannot have this name."""

_EXAMPLES = 2  # images to trace with: torch treats a batch of one as a constant
_STEP = STRIDES[-1]  # heights and widths are multiples of it


class Deployed(nn.Module):
    """The content of a file: (B, 3, H, W), RGB in 0..1, to {task name: map}.

    Args:
        network: the network, in evaluation mode.
        any_size: accept images of any size, not only of that of the network.
        raw: return raw maps, such as scores of classes, which need fewer operators.

    Raises:
        InputError: `any_size` with a network that has CTAL.
    """

    def __init__(self, network: Network, *, any_size: bool = False, raw: bool = False) -> None:
        super().__init__()
        self.network = network
        self.any_size = any_size
        self.raw = raw
        if any_size and any(isinstance(part, CTAL) for part in network.modules()):
            raise InputError(
                f"{type(network).__name__}: expected a network without CTAL for images of any "
                "size, since mixing weights belong to pixels; omit --any_size, and export a file "
                "for each size with --image_size"
            )

    def predict_raw(self, image: Tensor) -> dict[str, Tensor]:
        """Predict the final raw maps, at the size of the images."""
        if not self.any_size:
            return self.network(image).final
        size = (image.shape[-2], image.shape[-1])
        return {
            name: F.interpolate(raw, size=size, mode="bilinear", align_corners=False)
            for name, raw in self.network.predict_raw(image).final.items()
        }

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Predict maps in the order of the tasks, at the size of the images; decode unless raw."""
        raw = self.predict_raw(image)
        if self.raw:
            return {task.name: raw[task.name] for task in self.network.tasks}
        return {task.name: task.decode(raw[task.name]) for task in self.network.tasks}


def traced(model: Deployed, *, contiguous: bool = False) -> ExportedProgram:
    """Trace the graph of a network for batches of any number of images.

    Operations and weights that the maps do not need are removed, such as the heads of initial
    predictions. The operator of cross-task affinity is replaced by operators of torch, so that
    programs without ctal can run the graph.

    Args:
        model: the content of the file.
        contiguous: trace with weights in contiguous memory. With weights in channels_last, a mean
            over all pixels becomes a gather in an ONNX file, which ncnn does not have.

    Raises:
        InputError: the network or the decoding of a task cannot be traced.
    """
    height, width = model.network.image_size
    axes: dict[int, Any] = {0: Dim("batch")}
    if model.any_size:
        # two steps at least, since torch treats a map of one row as a constant, and sides that
        # differ, since it treats equal ones as one
        height, width = 3 * _STEP, 5 * _STEP
        axes |= {2: _STEP * Dim("rows", min=2), 3: _STEP * Dim("columns", min=2)}
    images, dynamic = (torch.rand(_EXAMPLES, 3, height, width),), {INPUT: axes}
    try:
        with torch.no_grad():
            everything = export(model, images, dynamic_shapes=dynamic)
            lean = _without_unused(everything.module(check_guards=False))
            if contiguous:  # of a copy, since these are the weights of the network
                lean = deepcopy(lean).to(memory_format=torch.contiguous_format)
            graph = export(lean, images, dynamic_shapes=dynamic)
            return _in_torchs_operators(graph)
    except Exception as error:  # each part of a network can raise its own type
        name = type(model.network).__name__
        what = "this network for images of any size" if model.any_size else "this network"
        raise InputError(f"{name}: torch.export cannot trace {what}: {one_line(error)}") from error


def _in_torchs_operators(graph: ExportedProgram) -> ExportedProgram:
    operator = torch.ops.ctal.factorised_affinity.default
    if all(node.target is not operator for node in graph.graph.nodes):
        return graph  # decomposing means tracing once more
    return graph.run_decompositions({operator: portable_affinity})


def _without_unused(module: fx.GraphModule) -> fx.GraphModule:
    """Remove operations, parameters and buffers that no output depends on."""
    module.graph.eliminate_dead_code()
    module.recompile()
    used = {node.target for node in module.graph.nodes if node.op == "get_attr"}
    for name, _ in [*module.named_parameters(), *module.named_buffers()]:
        if name not in used:
            owner, _, leaf = name.rpartition(".")
            delattr(module.get_submodule(owner), leaf)
    return module
