"""`ctal export`: a trained network as a file that runs without ctal."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

from torch import Tensor

from ctal.cli.export_data import calibration_images, examples, open_data, scored_batches
from ctal.cli.export_report import difference_lines, score_lines, time_lines
from ctal.data import DenseDataModule
from ctal.errors import InputError, counted
from ctal.export.formats import Format, Run, format_of
from ctal.export.parity import Difference, compare_maps
from ctal.export.scoring import primary_scores
from ctal.export.tracing import Deployed, traced
from ctal.inference.loading import load
from ctal.io.atomic import check_absent, write_whole
from ctal.io.signals import stopped_by_signals
from ctal.tasks import Task
from ctal.tasks.serialization import import_modules


def export_file(
    checkpoint: str,
    output: str,
    images: list[str] | None = None,
    overwrite: bool = False,
    without_compiled: bool = False,
    imports: list[str] | None = None,
    image_size: list[int] | None = None,
    any_size: bool = False,
    raw: bool = False,
    opset: int | None = None,
    float16: bool = False,
    int8: bool = False,
    per_tensor: bool = False,
    calibration: list[str] | None = None,
    data: str | None = None,
) -> None:
    """Export a trained network as ONNX or torch.export, compare it with PyTorch and time both.

    The file accepts batches of any number of images of one size and returns the decoded map of
    every task under its name, without initial predictions. In float32 it is kept only if its maps
    equal those of PyTorch up to rounding; in float16 and int8 the differences are reported.

    Args:
        checkpoint: a checkpoint, or the folder of a run, whose best checkpoint is loaded.
        output: the file to write, which ends with .onnx or, for torch.export, .pt2.
        images: images, folders of images or glob patterns to compare the maps on; by default some
            of the images to score on (`data`), or test images of Rooms.
        overwrite: replace an existing output.
        without_compiled: do not time compiled PyTorch, which takes minutes to compile.
        imports: modules to import first: those that define a network or a task of your own.
        image_size: height and width to resize the network to, by default those of its training.
        any_size: accept images of any height and width that are multiples of 32 and at least 64;
            for networks without CTAL, whose mixing weights belong to pixels.
        raw: return raw maps instead of decoded ones (scores of classes, vectors of any length),
            which need fewer operators; ncnn requires it.
        opset: the ONNX operator set of the file, 18 or later; by default that of torch.
        float16: write weights and operators in float16 (.onnx only).
        int8: quantize to int8 with ranges from calibration images (.onnx only).
        per_tensor: with int8, one scale for all output channels of a convolution instead of one
            for each; for devices that support nothing else.
        calibration: with int8, images, folders of images or glob patterns to calibrate on, like
            those that the file will be used on; 64 of them are used. By default images of the
            train split of `data`.
        data: a configuration with a section `data`, such as the config.yaml of a run: PyTorch and
            the file are scored on its test split, or on val if it has no test split.

    Raises:
        InputError: the checkpoint or the data cannot be read, options contradict each other, the
            network cannot be exported, its file gives other maps, or the output exists or cannot be
            written.
    """
    path = Path(output)
    form = format_of(path)
    _check_options(path, form, opset, float16, int8, per_tensor, calibration, data)
    check_absent([path], overwrite)
    import_modules(imports or [])
    network = load(checkpoint, image_size=image_size).network
    model = Deployed(network, any_size=any_size, raw=raw).eval()
    module = open_data(data, network) if data else None
    compared = examples(images, module, network.image_size, any_size=any_size)
    convert = None
    if float16 or int8:
        ranges = calibration_images(calibration, module, network.image_size) if int8 else None
        convert = _conversion(ranges, per_channel=not per_tensor)
    with stopped_by_signals():
        found = _write(path, form, model, compared, opset, convert)
    kind = counted(_count(compared), "image") + ("" if images or module else " of Rooms")
    _print(difference_lines(path, model, found, kind))
    run = form.open(path)
    if module is not None:
        _score(module, model, {"PyTorch": model, form.runtime: run})
    _stage("measuring times")
    _print(["", *time_lines(model, form, run, compared[0], without_compiled)])


def notes(model: Deployed) -> dict[str, str]:
    """Return the metadata of a file, as JSON: its network, its input, its tasks."""
    network = model.network
    height, width = network.image_size
    sides = "height, width" if model.any_size else f"{height}, {width}"
    multiples = ", height and width multiples of 32, at least 64" if model.any_size else ""
    return {
        "network": json.dumps(type(network).__name__),
        "image_size": json.dumps([height, width]),
        "image": json.dumps(f"float32 (batch, 3, {sides}){multiples}, RGB in 0..1"),
        "maps": json.dumps("raw" if model.raw else "decoded"),
        "tasks": json.dumps([_task_notes(task) for task in network.tasks]),
    }


def _task_notes(task: Task) -> dict[str, object]:
    names: Sequence[str] | None = getattr(task, "class_names", None)
    return {"name": task.name, "unit": task.unit} | ({"class_names": list(names)} if names else {})


def _check_options(
    path: Path,
    form: Format,
    opset: int | None,
    float16: bool,
    int8: bool,
    per_tensor: bool,
    calibration: list[str] | None,
    data: str | None,
) -> None:
    """Check options that depend on each other."""
    if not form.is_onnx and (float16 or int8 or opset is not None):
        raise InputError(
            f"{path}: expected a file that ends with .onnx for --opset, --float16 and --int8"
        )
    if float16 and int8:
        raise InputError("float16: expected --float16 or --int8, got both")
    if not int8 and (per_tensor or calibration):
        key = "per_tensor" if per_tensor else "calibration"
        raise InputError(f"{key}: expected --int8 with it, which alone uses it; add --int8")
    if int8 and not (calibration or data):
        raise InputError(
            "int8: expected images to calibrate on; add --calibration FOLDER, or --data with the "
            "configuration of a run"
        )


def _conversion(images: list[Tensor] | None, *, per_channel: bool) -> Callable[[bytes], bytes]:
    """Return the conversion of a float32 file: to int8 with images to calibrate on, or float16."""
    from ctal.export.precision import to_float16, to_int8  # of the extra `export`

    def convert(content: bytes) -> bytes:
        if images is None:
            _stage("converting to float16")
            return to_float16(content)
        _stage(f"quantizing to int8, calibrated on {counted(len(images), 'image')}")
        return to_int8(content, images, per_channel=per_channel)

    return convert


def _write(
    path: Path,
    form: Format,
    model: Deployed,
    compared: list[Tensor],
    opset: int | None,
    convert: Callable[[bytes], bytes] | None,
) -> dict[str, Difference]:
    """Write the file, and return the differences of its maps from those of PyTorch."""
    network = model.network
    found: dict[str, Difference] = {}

    def write(file: BinaryIO) -> None:
        content = io.BytesIO()
        names = [task.name for task in network.tasks]
        described = notes(model)
        _stage(f"writing {type(network).__name__} as {path.suffix}")
        form.write(traced(model, contiguous=form.is_onnx), names, described, content, opset)
        file.write(convert(content.getvalue()) if convert else content.getvalue())
        file.flush()
        run = form.open(Path(file.name))
        _stage(f"comparing its maps with those of PyTorch on {counted(_count(compared), 'image')}")
        found.update(compare_maps(model, run, compared, exact=convert is None))

    write_whole(path, write)
    return found


def _score(module: DenseDataModule, model: Deployed, programs: dict[str, Run]) -> None:
    """Print the scores of PyTorch and of the file."""
    split, tasks, batches = scored_batches(module, model.network)
    _stage(f"scoring PyTorch and the file on {split}")
    scores = primary_scores(programs, tasks, batches, raw=model.raw)
    _print(["", *score_lines(tasks, scores, split)])


def _count(batches: Iterable[Tensor]) -> int:
    return sum(map(len, batches))


def _stage(title: str) -> None:
    """Report a step that takes a while, apart from the results on stdout."""
    sys.stderr.write(f"{title}\n")


def _print(lines: Iterable[str]) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()  # the next steps take a while
