"""`ctal predict`: arrays and coloured panels for a person's own pictures."""

from __future__ import annotations

import glob
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor
from tqdm import tqdm  # type: ignore[import-untyped]  # ships no types

from ctal.descriptions import import_modules
from ctal.errors import InputError
from ctal.files import write_whole
from ctal.inference import Model, load, to_array
from ctal.pictures import panel, save_png
from ctal.reading import read_picture
from ctal.tasks import Task


def predict_files(
    inputs: list[str],
    checkpoint: str,
    output: str = "predictions",
    overwrite: bool = False,
    device: str = "cpu",
    imports: list[str] | None = None,
    image_size: list[int] | None = None,
    own_shape: bool = False,
) -> None:
    """Predicts all tasks' maps for pictures, each at its own size.

    For `<name>.jpg` this writes `<name>.npz` (an array per task, under the task's name; `units`, a
    JSON object of the arrays' units; `source`, the picture's path) and `<name>.png` (the picture
    beside its painted maps). Of pictures with the same name, later ones become `<name>-2` and so
    on. A picture that cannot be read is named, and the others are done.

    Args:
        inputs: pictures, folders of pictures (not their subfolders), or glob patterns.
        checkpoint: a checkpoint, or the folder of a run, whose best one is taken.
        output: the folder to write to.
        overwrite: whether outputs that exist already may be replaced.
        device: where the network runs, such as "cuda".
        imports: modules to import first: those that define a network or a task of your own.
        image_size: height and width to resize the network to, multiples of 32, if not those of
            its training; pictures are resized to them.
        own_shape: for each picture, resize the network to its shape, at about the same number of
            pixels, in place of stretching the picture.

    Raises:
        InputError: nothing matches an input, an output exists already or cannot be written, a
            module cannot be imported, or the network cannot have such a size; at the end, if any
            picture could not be read.
    """
    sources = find_pictures(inputs)
    targets = _targets(sources, Path(output))
    _check_outputs(sources, targets, overwrite)
    import_modules(imports or [])
    model = load(checkpoint, device, image_size=image_size)
    unreadable = []
    for source, target in zip(tqdm(sources, unit="picture"), targets, strict=True):
        try:
            picture = read_picture(source)
        except InputError as error:
            unreadable.append(str(error))
            continue
        _write(model, picture, source, target, own_shape)
    _tell_unreadable(unreadable, len(sources), output)


def _tell_unreadable(reasons: Sequence[str], sources: int, output: str) -> None:
    """Says why pictures could not be read: each in a line of its own if there are several."""
    if not reasons:
        return
    others = f"; the others are in {output}" if len(reasons) < sources else ""
    if len(reasons) == 1:
        raise InputError(reasons[0] + others)
    for reason in reasons:
        tqdm.write(reason, file=sys.stderr)
    raise InputError(
        f"{len(reasons)} of {sources} pictures could not be read (named above){others}"
    )


def find_pictures(inputs: Iterable[str]) -> list[Path]:
    """The files that paths, folders and glob patterns mean, each once, in the order given.

    Raises:
        InputError: one of them means no file.
    """
    files: dict[Path, Path] = {}
    for entry in inputs:
        path = Path(entry)
        if path.is_file():
            found = [path]
        elif path.is_dir():
            found = sorted(file for file in path.iterdir() if _is_named_as_picture(file))
        else:
            found = sorted(Path(match) for match in glob.glob(entry, recursive=True))
            found = [file for file in found if file.is_file()]
        if not found:
            raise InputError(f"{entry}: expected a picture, a folder of pictures or a glob pattern")
        for file in found:
            files.setdefault(file.resolve(), file)
    return list(files.values())


def _is_named_as_picture(file: Path) -> bool:
    """Whether PIL reads files of this name; dot files (a Mac's, a temporary one) are left out."""
    format_name = Image.registered_extensions().get(file.suffix.lower())
    return file.is_file() and format_name in Image.OPEN and not file.name.startswith(".")


def _targets(sources: Sequence[Path], output: Path) -> list[Path]:
    """An output path without extension for each picture, no two the same."""
    names: dict[str, None] = {}  # a set that keeps its order
    for source in sources:
        name, number = source.stem, 1
        while name in names:
            number += 1
            name = f"{source.stem}-{number}"
        names[name] = None
    return [output / name for name in names]


def _check_outputs(sources: Sequence[Path], targets: Sequence[Path], overwrite: bool) -> None:
    """Looks whether writing would destroy something."""
    existing = [file for target in targets for file in _files(target) if file.exists()]
    if existing and not overwrite:
        raise InputError(
            f"{existing[0]}: exists already ({len(existing)} of the files to write do); "
            "choose another --output, or give --overwrite"
        )
    if originals := {s.resolve() for s in sources} & {file.resolve() for file in existing}:
        raise InputError(
            f"{min(originals)}: is a picture to read and would be overwritten; choose an --output"
        )


def _files(target: Path) -> tuple[Path, Path]:
    # not with_suffix, which would cut "photo.2024" down to "photo"
    return target.with_name(f"{target.name}.npz"), target.with_name(f"{target.name}.png")


def _write(model: Model, picture: Tensor, source: Path, target: Path, own_shape: bool) -> None:
    """Predicts for one picture and writes its two files."""
    maps = model.decoded(picture, own_shape=own_shape)
    content: dict[str, Any] = {name: to_array(prediction) for name, prediction in maps.items()}
    units = json.dumps({task.name: task.unit for task in model.tasks})
    content |= {"units": np.array(units), "source": np.array(str(source))}
    arrays_file, panel_file = _files(target)
    write_whole(arrays_file, lambda file: np.savez_compressed(file, **content))
    save_png(_painted(model.tasks, picture, maps), panel_file)


def _painted(tasks: Sequence[Task], picture: Tensor, maps: Mapping[str, Tensor]) -> Tensor:
    """A (3, H, W) uint8 picture beside the painted prediction of every task."""
    painted = [task.paint(maps[task.name].cpu()) for task in tasks]
    titles = ["picture", *(_title(task, maps[task.name]) for task in tasks)]
    return panel([[picture, *painted]], titles)


def _title(task: Task, prediction: Tensor) -> str:
    low, high = prediction.min().item(), prediction.max().item()
    return f"{task.name} [{task.unit}]\n{low:.3g} to {high:.3g}"
