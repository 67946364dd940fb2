"""Small files of PASCAL-Context's five tasks in their real encodings."""

import numpy as np
from PIL import Image as PILImage
from scipy.io import savemat

SHAPE = (6, 8)
FIRST, SECOND = "2008_000002", "2010_003345"
WALL, SKY = 440, 360  # of the 459 classes; NYUv2 has walls and no sky


def save(path, array, palette=False):
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = PILImage.fromarray(array)
    if palette:
        picture.putpalette([number % 256 for number in range(768)])
    picture.save(path)


def struct_array(entries):
    """Return a 1xN struct array, as written by MATLAB."""
    array = np.zeros((1, len(entries)), dtype=[(key, object) for key in entries[0]])
    for i, entry in enumerate(entries):
        for key, value in entry.items():
            array[0, i][key] = value
    return array


def mask(rows, columns):
    pixels = np.zeros(SHAPE, np.uint8)
    pixels[rows, columns] = 1
    return pixels


def thing(name, class_ind, parts):
    pairs = [{"part_name": part, "mask": pixels} for part, pixels in parts]
    return {
        "class": name,
        "class_ind": float(class_ind),
        "mask": mask(slice(0, 4), slice(0, 4)),
        "parts": struct_array(pairs) if pairs else np.zeros((0, 0)),
    }


def save_parts(path, things):
    path.parent.mkdir(parents=True, exist_ok=True)
    anno = {"imname": path.stem, "objects": struct_array(things)}
    savemat(path, {"anno": struct_array([anno])})


def stored_normals():
    """Return colors: x left, y up, z to the viewer: a wall left, a floor, a wall right, the end."""
    vectors = np.zeros((*SHAPE, 3))
    vectors[:, :3], vectors[:, 5:], vectors[:, 3:5] = [-0.6, 0, 0.8], [0.6, 0, 0.8], [0, 0, 1]
    vectors[4:, 2:6] = [0, 1, 0]
    return np.round((vectors + 1) * 127.5).astype(np.uint8), vectors


def write_pascal_context(folder):
    lists = folder / "ImageSets" / "Context"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text(f"{FIRST}\n{SECOND}\n")
    (lists / "val.txt").write_text(f"{SECOND}\n")
    label_map = np.full(SHAPE, WALL, np.uint16)
    label_map[0] = SKY
    saliency = np.array([[0, 127, 128, 255] * 2] * SHAPE[0], np.uint8)
    semseg = np.zeros(SHAPE, np.uint8)
    semseg[2, 2:4] = [15, 255]
    for name in (FIRST, SECOND):
        save(folder / "JPEGImages" / f"{name}.jpg", np.full((*SHAPE, 3), 102, np.uint8))
        save(folder / "sal_distill" / f"{name}.png", saliency)
        save(folder / "normals_distill" / f"{name}.png", stored_normals()[0])
        path = folder / "pascal-context" / "trainval" / f"{name}.mat"
        path.parent.mkdir(parents=True, exist_ok=True)
        savemat(path, {"LabelMap": label_map})
    save(folder / "semseg" / "VOC12" / f"{FIRST}.png", semseg, palette=True)
    save(folder / "semseg" / "pascal-context" / f"{FIRST}.png", semseg * 0)
    save(folder / "semseg" / "pascal-context" / f"{SECOND}.png", semseg)
    head, foot, torso = (mask(0, slice(0, 2)), mask(3, 0), mask(slice(1, 3), slice(0, 2)))
    person = thing("person", 15, [("head", head), ("torso", torso), ("lfoot", foot)])
    save_parts(folder / "human_parts" / f"{FIRST}.mat", [thing("sofa", 18, []), person])
    horse = thing("horse", 13, [("head", head)])
    save_parts(folder / "human_parts" / f"{SECOND}.mat", [horse])
    return folder
