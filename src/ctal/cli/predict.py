"""`ctal predict`: arrays and panels of predicted maps for your images and videos."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from tqdm import tqdm  # type: ignore[import-untyped]  # ships no types

from ctal.cli.point_cloud import camera_of
from ctal.cli.predict_images import Pair, predict_images
from ctal.cli.predict_sheet import check_sheet, write_sheet
from ctal.cli.predict_summary import summary
from ctal.cli.predict_writer import Writer, output_files
from ctal.errors import InputError, PredictionError, UnreadableError
from ctal.inference.loading import load
from ctal.inference.runner import Options
from ctal.io.atomic import remove_partial
from ctal.io.bundled import DEFAULT
from ctal.io.signals import stopped_by_signals
from ctal.io.sources import Source, find_sources, output_names, skipped_images
from ctal.tasks.serialization import import_modules


def predict_files(
    inputs: list[str],
    checkpoint: str = DEFAULT,
    output: str = "predictions",
    overwrite: bool = False,
    device: str = "cpu",
    imports: list[str] | None = None,
    image_size: list[int] | None = None,
    keep_aspect_ratio: bool = False,
    tiled: bool = False,
    flip: bool = False,
    scales: list[float] | None = None,
    overlay: bool = False,
    entropy: bool = False,
    contact_sheet: bool = False,
    intrinsics: list[float] | None = None,
    full_precision: bool = False,
) -> None:
    """Predict the maps of all tasks for images and videos, each at its own size.

    For `<name>.jpg` this writes `<name>.npz` (an array per task, under the task's name; `units` and
    `class_names`, JSON objects by task; `source`, the path of the image; `record`, which identifies
    the input, the network and the settings) and `<name>.png` (the image beside its visualized
    maps), and with --intrinsics `<name>.ply` (a point cloud). For a video it writes `<name>.mp4`,
    the panels of its frames, in colors whose range adapts over a few seconds; for a camera the
    same, until Ctrl-C. If inputs have the same name, later ones become `<name>-2` and so on. Inputs
    that cannot be read are reported at the end, after the others are written; of a truncated video,
    the readable frames are written. It prints the files of each input, or the number of files if
    there are more than five inputs.

    Args:
        inputs: images, videos (pip install 'ctal[video]'), folders of them (without subfolders),
            glob patterns, `camera`, or `camera:1` for the second one.
        checkpoint: a checkpoint, the folder of a run, whose best checkpoint is loaded, or any other
            source of `ctal.load`; by default the bundled model, for images of rooms.
        output: the folder to write to.
        overwrite: replace existing outputs. Without it, inputs whose outputs are complete are
            skipped, so the same command resumes an interrupted one.
        device: the device to run on, such as "cuda".
        imports: modules to import first: those that define a network or a task of your own.
        image_size: height and width to resize the network to, multiples of 32, by default those
            of its training; images are resized to them.
        keep_aspect_ratio: for each image, resize the network to the image's aspect ratio, at about
            the same number of pixels, instead of stretching the image.
        tiled: predict images larger than the network at their own resolution, in overlapping
            tiles, instead of resizing them.
        flip: average with the prediction for the mirrored image; two forward passes.
        scales: average over these sizes of the network, relative to its own, such as 0.75 1 1.25;
            a forward pass for each.
        overlay: blend the visualized maps with the image.
        entropy: also write the entropy of the class probabilities: 0 where the network is sure of
            a class, 1 where all classes are equally probable.
        contact_sheet: also write `contact_sheet.png`, the panels of all images, or of 24 of them,
            below each other.
        intrinsics: fx fy cx cy of the camera, in pixels of the image, to write the depth as a
            point cloud.
        full_precision: store class ids as int64 and other numbers as float32, as
            `Model.predict` returns them; by default uint8 and float16, a quarter of the size
            (docs/predict.md has the errors).

    Raises:
        InputError: nothing matches an input, an output exists that other settings made, or cannot
            be written, a module cannot be imported, the network cannot have such a size, has no
            depth for a point cloud or gives no finite maps; at the end, if an input could not be
            read.
    """
    sources = find_sources(inputs)
    for line in skipped_images(inputs):
        tqdm.write(line, file=sys.stderr)
    names = output_names(sources)
    _check_inputs(sources, names, Path(output), contact_sheet)
    import_modules(imports or [])
    model = load(checkpoint, device, image_size=image_size)
    camera = None if intrinsics is None else camera_of(intrinsics)
    options: Options = {"keep_aspect_ratio": keep_aspect_ratio, "tiled": tiled, "flip": flip}
    options |= {"scales": scales or (1.0,), "entropy": entropy}
    writer = Writer(model, Path(output), options, overlay, camera, full_precision)
    pending = _pending(writer, sources, names, overwrite)
    start = time.perf_counter()
    with stopped_by_signals("" if overwrite else "the same command predicts the rest"):
        unreadable = _predict(writer, pending)
    seconds = time.perf_counter() - start
    sheet = write_sheet(writer.output, names if contact_sheet else [])
    skipped = len(sources) - len(pending)
    sys.stdout.write(summary(writer, pending, unreadable, skipped, seconds, sheet))
    _report_unreadable(list(unreadable.values()), len(sources), output)


def _predict(writer: Writer, pairs: Sequence[Pair]) -> dict[Source, str]:
    """Predict the maps of sources and write them; return why sources could not be read."""
    unreadable: dict[Source, str] = {}
    with tqdm(total=len(pairs), unit="input", disable=not pairs) as bar:
        for moves, group in groupby(pairs, key=lambda pair: pair[0].moves):
            if not moves:
                predict_images(writer, list(group), unreadable, bar.update)
                continue
            for source, name in group:
                try:
                    writer.write_video(source, name)
                except UnreadableError as error:
                    unreadable[source] = str(error)
                except PredictionError as error:
                    raise InputError(f"{source.path}: {error}") from error
                bar.update()
    return unreadable


def _report_unreadable(reasons: Sequence[str], sources: int, output: str) -> None:
    """Report why inputs could not be read, several of them in a line each."""
    if not reasons:
        return
    others = f"; the others are in {output}" if len(reasons) < sources else ""
    if len(reasons) == 1:
        raise InputError(reasons[0] + others)
    for reason in reasons:
        tqdm.write(reason, file=sys.stderr)
    raise InputError(f"{len(reasons)} of {sources} inputs could not be read (named above){others}")


def _check_inputs(
    sources: Sequence[Source], names: Sequence[str], output: Path, contact_sheet: bool
) -> None:
    """Check that no output replaces an input, and that the contact sheet replaces no output."""
    if contact_sheet:
        check_sheet(names)
    pairs = zip(sources, names, strict=True)
    # with the files of a point cloud, requested or not
    files = [output / file for pair in pairs for file in output_files(*pair, intrinsics=True)]
    existing = {file.resolve() for file in files if file.exists()}
    if originals := {source.path.resolve() for source in sources} & existing:
        raise InputError(
            f"{min(originals)}: is an input and would be overwritten; choose another --output"
        )


def _pending(
    writer: Writer, sources: Sequence[Source], names: Sequence[str], overwrite: bool
) -> list[Pair]:
    """Return the sources to predict, each with its name; report how many are skipped."""
    pairs = list(zip(sources, names, strict=True))
    remove_partial(file for pair in pairs for file in writer.files(*pair))
    if overwrite:
        return pairs
    pending = [pair for pair in pairs if not writer.is_complete(*pair)]
    if len(pending) < len(pairs):
        tqdm.write(
            f"{writer.output}: {len(pairs) - len(pending)} of {len(pairs)} inputs are complete and "
            "skipped; pass --overwrite to predict them again",
            file=sys.stderr,
        )
    return pending
