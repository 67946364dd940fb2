"""`ctal explain`: a panel and arrays of the affinities at one pixel of an image."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from ctal.explanation.affinities import Affinities
from ctal.explanation.drawing import explained
from ctal.explanation.pixels import Pixel, checked_pixel
from ctal.inference.loading import load
from ctal.inference.model import Model
from ctal.io.atomic import check_absent, write_whole
from ctal.io.bundled import DEFAULT
from ctal.io.images import read_image
from ctal.io.signals import stopped_by_signals
from ctal.io.sources import find_images, output_names
from ctal.tasks.serialization import import_modules
from ctal.visualization.panels import save_png


def explain_files(
    inputs: list[str],
    checkpoint: str = DEFAULT,
    pixel: list[int] | None = None,
    output: str = "explanations",
    overwrite: bool = False,
    device: str = "cpu",
    imports: list[str] | None = None,
) -> None:
    """Show the affinities of all tasks at one pixel of an image.

    For `<name>.jpg` and each CTAL module of the network, this writes `<name>-x<x>-y<y>.png` (with
    the name of the module appended if there are several): for each task its prediction, its
    affinity map A of the pixel, the mixed map G, and the contribution of each task there; and
    `<name>-x<x>-y<y>.npz` with the arrays. docs/explain.md describes them. If images have the same
    name, later ones become `<name>-2` and so on. The command ends at the first image that cannot
    be used; files written before are kept.

    Args:
        inputs: images, folders of images (without subfolders), or glob patterns.
        checkpoint: a checkpoint, the folder of a run, whose best checkpoint is loaded, or any other
            source of `ctal.load`; by default the bundled model, for images of rooms.
        pixel: x and y of the pixel in the image, its column and row, from 0; by default the center.
        output: the folder to write to.
        overwrite: replace existing outputs.
        device: the device to run on, such as "cuda".
        imports: modules to import first: those that define a network or a task of your own.

    Raises:
        InputError: an image or the checkpoint cannot be read, the pixel is outside the image, the
            network has no CTAL module, or an output exists or cannot be written.
    """
    sources = find_images(inputs)
    import_modules(imports or [])
    model = load(checkpoint, device)
    with stopped_by_signals():
        for source, name in zip(sources, output_names(sources), strict=True):
            stem = str(Path(output) / name)
            _explain_file(model, source, pixel, stem, overwrite)


def _explain_file(
    model: Model, source: Path, pixel: list[int] | None, stem: str, overwrite: bool
) -> None:
    """Write the files of one image, and print their names."""
    image = read_image(source)
    size = (image.shape[-2], image.shape[-1])
    x, y = place = checked_pixel(pixel or (size[1] // 2, size[0] // 2), size)
    with model.capture_affinities() as seen:
        maps = model.decoded(image)
    found = {name: observation.at_image(place, size) for name, observation in seen.items()}
    stem = f"{stem}-x{x}-y{y}"
    arrays = Path(f"{stem}.npz")
    panels = {
        name: Path(f"{stem}-{name}.png" if len(found) > 1 else f"{stem}.png") for name in found
    }
    files = [*panels.values(), arrays]
    check_absent(files, overwrite)
    content = _arrays(found, place, str(source))
    write_whole(arrays, lambda file: np.savez_compressed(file, **content))
    for name, affinities in found.items():
        save_png(explained(image, place, model.tasks, maps, affinities), panels[name])
    sys.stdout.write("".join(f"{file}\n" for file in files))


def _arrays(found: dict[str, Affinities], pixel: Pixel, source: str) -> dict[str, Any]:
    """Return the content of the .npz: arrays of each module under its name, tasks in order."""
    tasks = {name: affinities.tasks for name, affinities in found.items()}
    content: dict[str, Any] = {
        "pixel": np.array(pixel),
        "source": np.array(source),
        "tasks": np.array(json.dumps(tasks)),
    }
    for name, affinities in found.items():
        content |= {
            f"{name}.affinity": np.stack(list(affinities.affinity.values())),
            f"{name}.mixed": np.stack(list(affinities.mixed.values())),
            f"{name}.contributions": affinities.contributions,
            f"{name}.shares": affinities.shares,
            f"{name}.added": affinities.added,
            f"{name}.kept": affinities.kept,
            f"{name}.grid_pixel": np.array(affinities.pixel),
        }
    return content
