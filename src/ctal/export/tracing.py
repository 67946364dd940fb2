"""A network as a graph of torch's own operators: pictures in, decoded maps out, nothing else."""

from __future__ import annotations

import torch
from torch import Tensor, fx, nn
from torch.export import Dim, ExportedProgram, export

import ctal.factorised.operator  # noqa: F401 - defines the operator that is taken apart below
from ctal.errors import InputError
from ctal.factorised.portable import portable_affinity
from ctal.networks import Network
from ctal.networks.encoders.bodies import one_line

INPUT = "image"
"""Name of the input of a file; no task may have it."""

_EXAMPLES = 2  # pictures to trace with: torch takes a batch of one for a constant


class Deployed(nn.Module):
    """What a file holds: (B, 3, H, W), RGB in 0..1, to {task name: decoded map}.

    Args:
        network: the network, in evaluation mode.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """The maps in the tasks' units, of the size of the pictures, in the order of the tasks."""
        final = self.network(image).final
        return {task.name: task.decode(final[task.name]) for task in self.network.tasks}


def traced(model: Deployed) -> ExportedProgram:
    """The graph of a network for any number of pictures of its size.

    What the decoded maps do not need is not in it, weights included: the initial predictions of all
    tasks go, the features behind them stay. The operator of cross-task affinity is replaced by
    torch's own, so that a program that does not know it can run the graph.

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
    except Exception as error:  # every part of a network fails in its own way
        name = type(model.network).__name__
        raise InputError(
            f"{name}: torch.export cannot trace this network: {one_line(error)}"
        ) from error


def _in_torchs_operators(graph: ExportedProgram) -> ExportedProgram:
    operator = torch.ops.ctal.factorised_affinity.default
    if all(node.target is not operator for node in graph.graph.nodes):
        return graph  # taking apart means tracing once more
    return graph.run_decompositions({operator: portable_affinity})


def _without_unused(module: fx.GraphModule) -> fx.GraphModule:
    """Drops what no output depends on: operations, parameters, buffers."""
    module.graph.eliminate_dead_code()
    module.recompile()
    used = {node.target for node in module.graph.nodes if node.op == "get_attr"}
    for name, _ in [*module.named_parameters(), *module.named_buffers()]:
        if name not in used:
            owner, _, leaf = name.rpartition(".")
            delattr(module.get_submodule(owner), leaf)
    return module
