"""`ctal export`: a trained network as a file that runs without ctal."""

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

_IMAGES = 5  # of Rooms, by default


def export_file(
    checkpoint: str,
    output: str,
    images: list[str] | None = None,
    overwrite: bool = False,
    without_compiled: bool = False,
    imports: list[str] | None = None,
    image_size: list[int] | None = None,
) -> None:
    """Export a trained network as ONNX or torch.export, compare it with PyTorch and time both.

    The file accepts batches of any number of images of one size and returns the decoded map of
    every task under its name, without initial predictions. It is kept only if its maps equal those
    of PyTorch up to rounding.

    Args:
        checkpoint: a checkpoint, or the folder of a run, whose best checkpoint is loaded.
        output: the file to write, which ends with .onnx or, for torch.export, .pt2.
        images: images, folders of images or glob patterns to compare the maps on; by default some
            test images of Rooms.
        overwrite: replace an existing output.
        without_compiled: do not time compiled PyTorch, which takes minutes to compile.
        imports: modules to import first: those that define a network or a task of your own.
        image_size: height and width to resize the network to, by default those of its training.

    Raises:
        InputError: the checkpoint cannot be read, the network cannot be exported, its file gives
            other maps, or the output exists or cannot be written.
    """
    path = Path(output)
    form = format_of(path)
    check_absent([path], overwrite)
    import_modules(imports or [])
    network = load(checkpoint, image_size=image_size).network
    examples = list(batches(_examples(images), network.image_size))
    model = Deployed(network).eval()
    found: dict[str, Difference] = {}

    def write(file: BinaryIO) -> None:
        names = [task.name for task in network.tasks]
        form.write(traced(model), names, notes(network), file)
        file.flush()
        found.update(compare_maps(model, form.open(Path(file.name)), examples))

    with stopped_by_signals():
        write_whole(path, write)
    sys.stdout.write("\n".join(_report(path, network, found, sum(map(len, examples)))) + "\n")
    sys.stdout.flush()  # timing takes a while
    times = _times(model, form, form.open(path), examples[0], without_compiled)
    sys.stdout.write("\n".join(["", *times]) + "\n")


def notes(network: Network) -> dict[str, str]:
    """Return the metadata of a file, as JSON: its network, its input, its tasks."""
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


def _examples(given: list[str] | None) -> list[Tensor]:
    if given:
        return [read_image(path) for path in find_images(given)]
    rooms = Rooms("test")
    step = len(rooms) // _IMAGES
    return [rooms[index * step]["image"] for index in range(_IMAGES)]


def _report(path: Path, network: Network, found: Mapping[str, Difference], count: int) -> list[str]:
    """Describe the file, and the difference of its maps from PyTorch's."""
    height, width = network.image_size
    rows = [
        [task.name, task.unit, f"{found[task.name].largest:.2g}", f"{found[task.name].mean:.2g}"]
        for task in network.tasks
    ]
    return [
        f"{path}: {type(network).__name__}, images of {height}x{width}, "
        f"{path.stat().st_size / 2**20:.1f} MiB",
        "",
        *aligned_table(["task", "unit", "max difference", "mean difference"], rows),
        "",
        f"- compared with PyTorch on {count} images; class ids: 1 if any differs, and share",
    ]


def _times(
    model: Deployed, form: Format, run: Run, images: Tensor, without_compiled: bool
) -> list[str]:
    """Return times of one image, and the machine they were measured on."""
    runs: dict[str, Callable[[Tensor], object]] = {form.runtime: run, "PyTorch, eager": model}
    lines = [f"- one image, medians in turns; {machine(torch.device('cpu'))}"]
    if not without_compiled:
        fast, reason = compiled(model, images[:1])
        if fast is None:
            lines.append(f"- PyTorch, compiled: not timed, torch.compile failed ({reason})")
        else:
            runs["PyTorch, compiled"] = fast
    times = run_latencies({name: (run, images[:1]) for name, run in runs.items()})
    eager = times["PyTorch, eager"]
    rows = [[name, f"{time:.1f}", f"{time / eager:.2f}"] for name, time in times.items()]
    return [*aligned_table(["runs in", "ms per image", "of eager"], rows), "", *lines]
