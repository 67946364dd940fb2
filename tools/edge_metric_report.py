"""Comparison of odsF with the C++ code of the BSDS benchmark.

    pip install pyEdgeEval opencv-python-headless scipy    # builds C++, needs a compiler
    python -m tools.edge_metric_report configs/nyuv2_folder/all_tasks_shared_encoder.yaml --every 20

Reads the true edges of a config's `data.val` at their stored size, and generates predictions from
them. The package pyEdgeEval runs the C++ code of the BSDS benchmark. It is not a dependency, since
its license is the GPL, and a research license for non-maximum suppression. It is compared twice:
for the matching only, with the edges found by ctal, and for all steps. The table has the largest
difference in P, R and F over thresholds, and both scores. An image of 288x384 takes 5 s.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pyEdgeEval._lib import correspond_pixels
from pyEdgeEval.common.metrics import compute_rec_prec_f1, interpolated_max_scores
from pyEdgeEval.preprocess import binary_thin, fast_nms
from scipy import ndimage

from ctal.comparison.settings import data_module
from ctal.config.files import read_config
from ctal.data import DenseDataset
from ctal.metrics.edges import THRESHOLDS
from ctal.metrics.matching import count_matches
from ctal.metrics.non_maxima import crests
from ctal.metrics.thinning import thin, thin_at_thresholds
from ctal.tasks import Edges

Counts = NDArray[np.int64]  # matched, found and true pixels at each threshold, (3, K)


def predictions(
    edges: NDArray[np.bool_], image: NDArray[np.floating]
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yield predictions by name: the true edges blurred; with noise; displaced with texture."""
    noise, *shifts = np.random.default_rng(0).standard_normal((3, *edges.shape))
    blurred = ndimage.gaussian_filter(edges.astype(float), 1.5)
    blurred /= max(blurred.max(), 1e-6)
    noise = ndimage.gaussian_filter(noise, 1.5)
    y, x = (ndimage.gaussian_filter(shift, 12) for shift in shifts)
    places = np.indices(edges.shape) + 4 * np.stack([y / abs(y).max(), x / abs(x).max()])
    texture = ndimage.gaussian_gradient_magnitude(image, 1.5)
    displaced = ndimage.map_coordinates(blurred, places, order=1, mode="nearest")
    yield "blurred", blurred.astype(np.float32)
    yield "noisy", (0.6 * blurred + 0.12 * noise / noise.std()).clip(0, 1).astype(np.float32)
    mixed = 0.5 * displaced + 0.4 * texture / np.percentile(texture, 99.5)
    yield "displaced, texture", mixed.clip(0, 1).astype(np.float32)


def count(
    probability: NDArray[np.float32], labels: NDArray[np.uint8], tolerance: float, every: int
) -> dict[str, Counts]:
    """Return the counts of an image at every `every`-th threshold, by ctal and pyEdgeEval."""
    thresholds, known, lines = THRESHOLDS[::every], labels != 255, thin(labels == 1)
    strength = np.where(known, crests(torch.from_numpy(probability)[None])[0].numpy(), 0)
    pixels, present = thin_at_thresholds(strength, thresholds)
    pairs = count_matches(pixels, present, lines, tolerance * float(np.hypot(*lines.shape)))
    found = np.zeros((len(thresholds), lines.size), bool)
    found[:, pixels] = present.T
    theirs = np.where(known, fast_nms(probability.astype(np.float64)), 0)
    masks = {
        "matching": found.reshape(-1, *lines.shape),
        "every step": np.stack([binary_thin(theirs >= threshold) for threshold in thresholds]),
    }
    true = np.full(len(thresholds), lines.sum())
    counts = {"ours": np.stack([pairs, present.sum(axis=0), true])}
    for name, by_threshold in masks.items():
        paired = [(correspond_pixels(m, lines, tolerance)[0] > 0).sum() for m in by_threshold]
        counts[name] = np.stack([np.array(paired), by_threshold.sum(axis=(1, 2)), true])
    return counts


def total(
    dataset: DenseDataset, task: Edges, step: int, every: int
) -> dict[str, dict[str, Counts]]:
    """Return the total counts of all images, by prediction and method of counting."""
    totals: dict[str, dict[str, Counts]] = {}
    for index in range(0, len(dataset), step):
        sample = dataset[index]
        labels = np.asarray(sample[task.name])
        image = np.asarray(sample["image"], dtype=float).mean(axis=0)
        for name, probability in predictions(labels == 1, image):
            sums = totals.setdefault(name, {})
            for who, counts in count(probability, labels, task.max_distance, every).items():
                sums[who] = sums.get(who, 0) + counts
    return totals


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tools.edge_metric_report", description=__doc__)
    parser.add_argument("config", type=Path, help="a config with edges in its data section")
    parser.add_argument("--every", type=int, default=1, help="use every n-th sample (default: 1)")
    parser.add_argument(
        "--thresholds", type=int, default=9, help="use every n-th threshold (default: 9)"
    )
    args = parser.parse_args()
    dataset = data_module(read_config(args.config)).datasets["val"]
    assert dataset is not None  # DenseDataModule requires it
    (task,) = (task for task in dataset.tasks if isinstance(task, Edges))
    print("| prediction | by pyEdgeEval | P | R | F | odsF here | odsF there |")
    print("|---|---|---|---|---|---|---|")
    for name, sums in total(dataset, task, args.every, args.thresholds).items():
        curves, scores = {}, {}
        for who, (paired, found, true) in sums.items():
            recall, precision, f = compute_rec_prec_f1(paired, true, paired, found)
            curves[who] = np.stack([precision, recall, f])
            thresholds = THRESHOLDS[:: args.thresholds]
            scores[who] = interpolated_max_scores(thresholds, recall, precision)[-1]
        for who in ("matching", "every step"):
            largest = abs(curves["ours"] - curves[who]).max(axis=1)
            cells = [*largest, scores["ours"], scores[who]]
            print(f"| {name} | {who} | " + " | ".join(f"{cell:.5f}" for cell in cells) + " |")


if __name__ == "__main__":
    main()
