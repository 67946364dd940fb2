"""Accuracy of derived normals, measured by the directions of floors, walls and ceilings.

    python -m tools.normals_report configs/nyuv2_folder/all_tasks_shared_encoder.yaml

Reads the samples of a config's `data.train` at their stored size; they need `normals`, and `semseg`
with classes named floor, wall and ceiling. The up direction of an image is unknown, so the median
normal of its floor is used. Images with little floor count only for the share of known pixels.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ctal.comparison.settings import data_module
from ctal.config.files import read_config
from ctal.data import Sample
from ctal.tasks import SemanticSegmentation

LEAST = 3000  # fewest pixels of a class in an image for it to count
TRUE_ANGLES = {"floor": 0, "wall": 90, "ceiling": 180}  # between normal and up, in degrees
Floats = NDArray[np.floating]


def errors_of(sample: Sample, classes: list[str]) -> tuple[float, dict[str, Floats]]:
    """Return the share of known pixels, and the errors of the normals by class, in degrees."""
    normals = np.asarray(sample["normals"]).transpose(1, 2, 0)
    ids, known = np.asarray(sample["semseg"]), normals.any(axis=-1)
    vectors = {name: normals[known & (ids == classes.index(name))] for name in TRUE_ANGLES}
    if len(vectors["floor"]) < LEAST:
        return known.mean(), {}
    up = np.median(vectors["floor"], axis=0)
    up /= np.linalg.norm(up)
    errors = {
        name: np.abs(np.rad2deg(np.arccos(np.clip(vectors[name] @ up, -1, 1))) - angle)
        for name, angle in TRUE_ANGLES.items()
        if len(vectors[name]) >= LEAST
    }
    return known.mean(), errors


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tools.normals_report", description=__doc__)
    parser.add_argument("config", type=Path, help="a config with a data section")
    parser.add_argument("--every", type=int, default=1, help="use every n-th sample (default: 1)")
    args = parser.parse_args()
    dataset = data_module(read_config(args.config)).datasets["train"]
    assert dataset is not None  # DenseDataModule requires it
    (semseg,) = (task for task in dataset.tasks if isinstance(task, SemanticSegmentation))
    found = [
        errors_of(dataset[index], list(semseg.class_names or ()))
        for index in range(0, len(dataset), args.every)
    ]
    print(f"{len(found)} images, {np.mean([share for share, _ in found]):.1%} of pixels known")
    print("| class | images | median | mean | 90 % below | within 11.25 degrees |")
    print("|---|---|---|---|---|---|")
    for name in TRUE_ANGLES:
        errors = [by_class[name] for _, by_class in found if name in by_class]
        if errors:
            all_of = np.concatenate(errors)
            cells = [np.median(all_of), all_of.mean(), np.percentile(all_of, 90)]
            print(
                f"| {name} | {len(errors)} | "
                + " | ".join(f"{cell:.1f}" for cell in cells)
                + f" | {(all_of < 11.25).mean():.1%} |"
            )


if __name__ == "__main__":
    main()
