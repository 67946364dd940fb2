"""Measure the mean entropy of a model's class probabilities on images, for `about.domain`.

python -m tools.entropy_limit FOLDER_OR_IMAGE... [--checkpoint nyuv2-lite2]

Prints quantiles for the images, and the most unsure ones. `config.json` of a bundled model has
the quantile of 95 % of NYUv2's test images as the limit of its note about unfamiliar images.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from torchvision.transforms.v2 import functional as TF

import ctal
from ctal.io.bundled import DEFAULT
from ctal.io.images import read_image
from ctal.io.sources import find_images


def main() -> None:
    """Print the entropies of all images of the arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("inputs", nargs="+")
    parser.add_argument("--checkpoint", default=DEFAULT)
    args = parser.parse_args()
    model = ctal.load(args.checkpoint)
    found = []
    for path in find_images(args.inputs):
        image = TF.to_dtype(read_image(path), torch.float32, scale=True)
        size = list(model.network.image_size)
        with torch.inference_mode():
            raw = model.network(TF.resize(image[None], size, antialias=True)).final
        means = {t.name: t.entropy(raw[t.name]) for t in model.tasks}
        found.append((path, {n: float(e.mean()) for n, e in means.items() if e is not None}))
    for name in found[0][1]:
        values = np.array([means[name] for _, means in found])
        shares = (0.01, 0.5, 0.9, 0.95, 0.99, 1)
        print(
            f"{name}: {len(values)} images,",
            *(f"{s:.0%} {np.quantile(values, s):.4f}" for s in shares),
        )
        for index in values.argsort()[::-1][:15]:
            print(f"  {values[index]:.4f} {found[index][0]}")


if __name__ == "__main__":
    main()
