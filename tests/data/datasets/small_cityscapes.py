"""Small files in the official layout of Cityscapes."""

import json

import numpy as np
from PIL import Image as PILImage

NAME = "aachen/aachen_000000_000019"
# a label id of each evaluated class in the order of the train ids, then ids that are not evaluated
SCORED = [7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33]
OTHERS = [0, 1, 2, 3, 4, 5, 6, 9, 10, 14, 15, 16, 18, 29, 30, 255]
SHAPE = (5, 7)


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    PILImage.fromarray(array).save(path)


def write_cityscapes(folder):
    """Write both splits with one image, in which each label id has one of 35 pixels."""
    labels = np.array(SCORED + OTHERS, np.uint8).reshape(SHAPE)
    disparity = np.full(SHAPE, 1 + 256 * 40, np.uint16)
    disparity[0, :3] = [0, 1, 32257]
    for split in ("train", "val"):
        save(
            folder / f"leftImg8bit/{split}/{NAME}_leftImg8bit.png",
            np.full((*SHAPE, 3), 51, np.uint8),
        )
        save(folder / f"gtFine/{split}/{NAME}_gtFine_labelIds.png", labels)
        save(folder / f"disparity/{split}/{NAME}_disparity.png", disparity)
        camera = folder / f"camera/{split}/{NAME}_camera.json"
        camera.parent.mkdir(parents=True)
        content = {
            "extrinsic": {"baseline": 0.209313, "pitch": 0.038, "x": 1.7},
            "intrinsic": {"fx": 2262.52, "fy": 2265.3017905988554, "u0": 1096.98, "v0": 513.137},
        }
        camera.write_text(json.dumps(content))
    return folder
