"""`ctal predict`: arrays and coloured panels for a person's own pictures and videos."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm  # type: ignore[import-untyped]  # ships no types

from ctal.cli.point_cloud import camera_of
from ctal.cli.predict_writer import Writer, output_files
from ctal.errors import InputError, UnreadableError
from ctal.inference.loading import DEFAULT, load
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
    own_shape: bool = False,
    tiled: bool = False,
    overlay: bool = False,
    intrinsics: list[float] | None = None,
) -> None:
    """Predicts all tasks' maps for pictures and videos, each at its own size.

    For `<name>.jpg` this writes `<name>.npz` (an array per task, under the task's name; `units`, a
    JSON object of the arrays' units; `source`, the picture's path) and `<name>.png` (the picture
    beside its painted maps), and with --intrinsics `<name>.ply` (a point cloud). For a video it
    writes `<name>.mp4`, the panels of its frames, in colours that keep the first frame's range; for
    a camera the same, until Ctrl-C. Of inputs with the same name, later ones become `<name>-2` and
    so on. What cannot be read is named at the end, and the rest is done; of a video that breaks
    off, the frames before are written.

    Args:
        inputs: pictures, videos (pip install 'ctal[video]'), folders of them (not their
            subfolders), glob patterns, `camera`, or `camera:1` for the second one.
        checkpoint: a checkpoint, the folder of a run, whose best one is taken, or all else that
            `ctal.load` takes; by default a small network for pictures of rooms that comes along.
        output: the folder to write to.
        overwrite: whether outputs that exist already may be replaced.
        device: where the network runs, such as "cuda".
        imports: modules to import first: those that define a network or a task of your own.
        image_size: height and width to resize the network to, multiples of 32, if not those of
            its training; pictures are resized to them.
        own_shape: for each picture, resize the network to its shape, at about the same number of
            pixels, in place of stretching the picture.
        tiled: see pictures that are larger than the network at their own resolution, in
            overlapping tiles, rather than resized.
        overlay: lay the painted maps over the picture, half transparent.
        intrinsics: fx fy cx cy of the camera, in pixels of the picture, to write the depth as a
            point cloud.

    Raises:
        InputError: nothing matches an input, an output exists already or cannot be written, a
            module cannot be imported, the network cannot have such a size, or has no depth for a
            point cloud; at the end, if anything could not be read.
    """
    sources = find_sources(inputs)
    for line in skipped_images(inputs):
        tqdm.write(line, file=sys.stderr)
    names = output_names(sources)
    _check_outputs(sources, names, Path(output), intrinsics is not None, overwrite)
    import_modules(imports or [])
    model = load(checkpoint, device, image_size=image_size)
    camera = None if intrinsics is None else camera_of(intrinsics)
    writer = Writer(model, Path(output), own_shape, tiled, overlay, camera)
    unreadable = []
    with stopped_by_signals():
        for source, name in zip(tqdm(sources, unit="input"), names, strict=True):
            try:
                writer.write(source, name)
            except UnreadableError as error:
                unreadable.append(str(error))
    _tell_unreadable(unreadable, len(sources), output)


def _tell_unreadable(reasons: Sequence[str], sources: int, output: str) -> None:
    """Says why inputs could not be read: each in a line of its own if there are several."""
    if not reasons:
        return
    others = f"; the others are in {output}" if len(reasons) < sources else ""
    if len(reasons) == 1:
        raise InputError(reasons[0] + others)
    for reason in reasons:
        tqdm.write(reason, file=sys.stderr)
    raise InputError(f"{len(reasons)} of {sources} inputs could not be read (named above){others}")


def _check_outputs(
    sources: Sequence[Source], names: Sequence[str], output: Path, cloud: bool, overwrite: bool
) -> None:
    """Looks whether writing would destroy something."""
    files = [
        output / file
        for source, name in zip(sources, names, strict=True)
        for file in output_files(source, name, cloud)
    ]
    existing = [file for file in files if file.exists()]
    if existing and not overwrite:
        raise InputError(
            f"{existing[0]}: exists already ({len(existing)} of the files to write do); "
            "choose another --output, or give --overwrite"
        )
    if originals := {s.path.resolve() for s in sources} & {file.resolve() for file in existing}:
        raise InputError(
            f"{min(originals)}: is a picture or video to read and would be overwritten; choose an "
            "--output"
        )
