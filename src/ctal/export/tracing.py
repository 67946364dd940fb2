"""A network as a graph of torch operators: images in, decoded maps out."""

from __future__ import annotations

import torch
from torch import Tensor, fx, nn
from torch.export import Dim, ExportedProgram, export

import ctal.factorised.operator  # noqa: F401 - defines the operator that is decomposed below
from ctal.errors import InputError
from ctal.factorised.portable import portable_affinity
from ctal.networks import Network
from ctal.networks.encoders.bodies import one_line

INPUT = "image"
"""Name of the input of a file; a task cannot have this name."""

_EXAMPLES = 2  # images to trace with: torch treats a batch of one as a constant


class Deployed(nn.Module):
    """The content of a file: (B, 3, H, W), RGB in 0..1, to {task name: decoded map}.

    Args:
        network: the network, in evaluation mode.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Predict maps in the units and the order of the tasks, at the size of the images."""
        final = self.network(image).final
        return {task.name: task.decode(final[task.name]) for task in self.network.tasks}


def traced(model: Deployed) -> ExportedProgram:
    """Trace the graph of a network for batches of any size.

    Operations and weights that the decoded maps do not need are removed, such as the heads of
    initial predictions. The operator of cross-task affinity is replaced by operators of torch, so
    that programs without ctal can run the graph.

    Raises:
        InputError: the network or the decoding of a task cannot be traced.
    """
    images = (torch.rand(_EXAMPLES, 3, *model.network.image_size),)
    any_batch = {INPUT: {0: Dim("batch")}}
    try:
        with torch.no_grad():
            everything = export(model, images, dynamic_shapes=any_batch)
            lean = _without_unused(everything.module(check_guards=False))
            graph = export(lean, images, dynamic_shapes=any_batch)
            return _in_torchs_operators(graph)
    except Exception as error:  # each part of a network can raise its own type
        name = type(model.network).__name__
        raise InputError(
            f"{name}: torch.export cannot trace this network: {one_line(error)}"
        ) from error


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
