"""`ctal export`: a trained network as a file that runs without this package."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor

from ctal.data import Rooms
from ctal.export.formats import Format, Run, format_of
from ctal.export.latency import compiled
from ctal.export.parity import Difference, batches, compare_maps
from ctal.export.tracing import Deployed, traced
from ctal.inference.loading import load
from ctal.io.atomic import check_absent, write_whole
from ctal.io.images import read_image
from ctal.io.signals import stopped_by_signals
from ctal.io.sources import find_images
from ctal.networks import Network
from ctal.profiling.cost import machine, run_latencies
from ctal.tasks import Task
from ctal.tasks.serialization import import_modules
from ctal.visualization.tables import aligned_table

_PICTURES = 5  # of the embedded rooms, if none are given


def export_file(
    checkpoint: str,
    output: str,
    pictures: list[str] | None = None,
    overwrite: bool = False,
    without_compiled: bool = False,
    imports: list[str] | None = None,
    image_size: list[int] | None = None,
) -> None:
    """Writes a trained network as ONNX or torch.export, compares it with PyTorch and times both.

    The file takes any number of pictures of one size and gives the decoded map of every task, under
    its name. Initial predictions are not in it. It is kept only if its maps are those of the
    network in PyTorch, as far as rounding allows.

    Args:
        checkpoint: a checkpoint, or the folder of a run, whose best one is taken.
        output: the file to write, which ends with .onnx or, for torch.export, .pt2.
        pictures: pictures, folders of pictures or glob patterns to compare the maps on; by default
            some of the embedded test rooms.
        overwrite: whether the output may be replaced if it exists already.
        without_compiled: leave compiled PyTorch out of the times; it takes minutes to compile.
        imports: modules to import first: those that define a network or a task of your own.
        image_size: height and width to resize the network to, if not those of its training.

    Raises:
        InputError: the checkpoint cannot be read, the network cannot be exported or its file
            computes something else, or the output exists already or cannot be written.
    """
    path = Path(output)
    form = format_of(path)
    check_absent([path], overwrite)
    import_modules(imports or [])
    network = load(checkpoint, image_size=image_size).network
    images = list(batches(_pictures(pictures), network.image_size))
    model = Deployed(network).eval()
    found: dict[str, Difference] = {}

    def write(file: BinaryIO) -> None:
        names = [task.name for task in network.tasks]
        form.write(traced(model), names, notes(network), file)
        file.flush()
        found.update(compare_maps(model, form.open(Path(file.name)), images))

    with stopped_by_signals():
        write_whole(path, write)
    sys.stdout.write("\n".join(_report(path, network, found, sum(map(len, images)))) + "\n")
    sys.stdout.flush()  # the times take a while
    times = _times(model, form, form.open(path), images[0], without_compiled)
    sys.stdout.write("\n".join(["", *times]) + "\n")


def notes(network: Network) -> dict[str, str]:
    """What a file tells its reader, all of it JSON: its network, its input, its tasks."""
    height, width = network.image_size
    return {
        "network": json.dumps(type(network).__name__),
        "image_size": json.dumps([height, width]),
        "image": json.dumps(f"float32 (batch, 3, {height}, {width}), RGB in 0..1"),
        "tasks": json.dumps([_task_notes(task) for task in network.tasks]),
    }


def _task_notes(task: Task) -> dict[str, object]:
    names: Sequence[str] | None = getattr(task, "class_names", None)
    return {"name": task.name, "unit": task.unit} | ({"class_names": list(names)} if names else {})


def _pictures(given: list[str] | None) -> list[Tensor]:
    if given:
        return [read_image(path) for path in find_images(given)]
    rooms = Rooms("test")
    step = len(rooms) // _PICTURES
    return [rooms[index * step]["image"] for index in range(_PICTURES)]


def _report(
    path: Path, network: Network, found: Mapping[str, Difference], pictures: int
) -> list[str]:
    """What the file holds, and how its maps differ from PyTorch's."""
    height, width = network.image_size
    rows = [
        [task.name, task.unit, f"{found[task.name].largest:.2g}", f"{found[task.name].mean:.2g}"]
        for task in network.tasks
    ]
    return [
        f"{path}: {type(network).__name__}, pictures of {height}x{width}, "
        f"{path.stat().st_size / 2**20:.1f} MiB",
        "",
        *aligned_table(["task", "unit", "max difference", "mean difference"], rows),
        "",
        f"- against PyTorch, on {pictures} pictures; of class ids whether they differ",
    ]


def _times(
    model: Deployed, form: Format, run: Run, images: Tensor, without_compiled: bool
) -> list[str]:
    """Times of one picture, and where they were taken."""
    runs: dict[str, Callable[[Tensor], object]] = {form.runtime: run, "PyTorch, eager": model}
    lines = [f"- one picture, medians in turns; {machine(torch.device('cpu'))}"]
    if not without_compiled:
        fast, reason = compiled(model, images[:1])
        if fast is None:
            lines.append(f"- PyTorch, compiled: not timed, torch.compile failed ({reason})")
        else:
            runs["PyTorch, compiled"] = fast
    times = run_latencies({name: (run, images[:1]) for name, run in runs.items()})
    eager = times["PyTorch, eager"]
    rows = [[name, f"{time:.1f}", f"{time / eager:.2f}"] for name, time in times.items()]
    return [*aligned_table(["runs in", "ms per picture", "of eager"], rows), "", *lines]
