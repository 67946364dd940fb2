"""`ctal info`: tasks of a network, and the cost of each of its parts."""

from __future__ import annotations

import sys
from pathlib import Path

from torch import nn

from ctal.inference.devices import usable_device
from ctal.inference.loading import load
from ctal.profiling.cost import machine
from ctal.profiling.modules import WHOLE, Cost, part_costs
from ctal.tasks import Task
from ctal.tasks.serialization import import_modules
from ctal.training.dry_run import rehearsed_experiment
from ctal.visualization.tables import aligned_table


def print_cost_card(
    network: str,
    device: str = "cpu",
    imports: list[str] | None = None,
    image_size: list[int] | None = None,
) -> None:
    """Print tasks and units of a network, and parameters, GMACs, memory and time of each part.

    Parts are the modules of the network, under their names in the code: the encoder, the initial
    predictions, the refinement, the decoders. Costs are those of one image in evaluation mode.

    Args:
        network: a checkpoint, the folder of a run, or a configuration (.yaml) of `ctal fit`, whose
            network is built with its initial weights.
        device: the device to run on, such as "cuda".
        imports: modules to import first: those that define a network or a task of your own.
        image_size: height and width to resize the network to.

    Raises:
        InputError: the file is not found or cannot be used, or the network cannot have that size.
    """
    import_modules(imports or [])
    place = usable_device(device)
    built, tasks, size = _opened(network, image_size)
    costs = part_costs(built.to(place), size)
    lines = [
        f"{network}: {type(built).__name__}, images of {size[0]}x{size[1]}",
        "",
        *_tasks(tasks),
        "",
        *_costs(costs),
        "",
        f"- one image, {machine(place)}",
        "- GMACs: 10^9 multiply-adds of convolutions and matrix products",
        "- memory: peak of the activations while the part runs, including those that later parts "
        "need, without weights",
        "- operations outside the parts, such as resizing maps to the image, count in total only",
    ]
    sys.stdout.write("\n".join(lines) + "\n")


def _opened(
    path: str, image_size: list[int] | None
) -> tuple[nn.Module, list[Task], tuple[int, int]]:
    """Return the network, its tasks and the (H, W) of its images."""
    if Path(path).suffix not in (".yaml", ".yml"):
        network = load(path, image_size=image_size).network
        return network, network.tasks, network.image_size
    experiment = rehearsed_experiment(path, image_size)
    return experiment.model.network, experiment.model.tasks, experiment.datamodule.image_size


def _tasks(tasks: list[Task]) -> list[str]:
    rows = [[task.name, type(task).__name__, task.unit, str(task.channels)] for task in tasks]
    return aligned_table(["task", "kind", "unit", "raw channels"], rows)


def _costs(costs: dict[str, Cost]) -> list[str]:
    rows = [
        [
            name,
            f"{cost.parameters:,}",
            f"{cost.gmacs:.3g}",
            f"{cost.memory / 2**20:.1f}",
            f"{cost.latency:.1f}",
            f"{100 * cost.latency / costs[WHOLE].latency:.0f} %",
        ]
        for name, cost in costs.items()
    ]
    head = ["part", "parameters", "GMACs", "memory MiB", "ms", "of the time"]
    return aligned_table(head, rows)
