"""A small folder of pictures, classes and depth, and a configuration that describes it."""

import numpy as np
import pytest
from PIL import Image

CONFIG = """
trainer: {max_epochs: 3}
model: {network: {class_path: no.such.Net}}
data:
  train: &folder
    class_path: ctal.data.FolderDataset
    init_args:
      root: photos
      image: "image/{name}.png"
      maps:
        - task:
            class_path: ctal.tasks.SemanticSegmentation
            init_args: {num_classes: 3, class_names: [wall, floor, "lamp"]}
          files: "classes/{name}.png"
        - {task: {class_path: ctal.tasks.Depth}, files: "depth/{name}.npy", optional: true}
        - {task: {class_path: ctal.tasks.SurfaceNormals}, files: "normals/{name}.npy"}
  val:
    class_path: ctal.data.FolderDataset
    init_args:
      root: photos
      image: "image/{name}.png"
      maps:
        - task:
            class_path: ctal.tasks.SemanticSegmentation
            init_args: {num_classes: 3, class_names: [wall, floor, "lamp"]}
          files: "classes/{name}.png"
        - {task: {class_path: ctal.tasks.Depth}, files: "depth/{name}.npy", optional: true}
        - {task: {class_path: ctal.tasks.SurfaceNormals}, files: "normals/{name}.npy"}
      part: [0.0, 0.5]
  batch_size: 2
"""


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """photos/{image,classes,depth,normals} of 10x16 pixels by the names 0..5; 4 has no depth."""
    root = tmp_path / "photos"
    generator = np.random.default_rng(0)
    for kind in ("image", "classes", "depth", "normals"):
        (root / kind).mkdir(parents=True)
    for index in range(6):
        picture = generator.integers(0, 256, (10, 16, 3)).astype(np.uint8)
        Image.fromarray(picture).save(root / "image" / f"{index}.png")
        classes = np.zeros((10, 16), np.uint8)
        classes[:5] = 1
        classes[0, 0] = 255
        Image.fromarray(classes).save(root / "classes" / f"{index}.png")
        if index != 4:
            depth = generator.uniform(1, 5, (10, 16)).astype(np.float32)
            depth[:, 0] = 0
            np.save(root / "depth" / f"{index}.npy", depth)
        normals = generator.normal(size=(10, 16, 3)) - [0, 0, 3]
        normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
        np.save(root / "normals" / f"{index}.npy", normals.astype(np.float32))
    (tmp_path / "config.yaml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    return root


@pytest.fixture
def spoil(photos):
    """Spoils four of the six samples, each in another way."""

    def run():
        broken = photos / "image" / "0.png"
        broken.write_bytes(broken.read_bytes()[:-40])
        Image.fromarray(np.zeros((10, 15), np.uint8)).save(photos / "classes" / "1.png")
        Image.fromarray(np.full((10, 16), 3, np.uint8)).save(photos / "classes" / "2.png")
        np.save(photos / "depth" / "5.npy", np.full((10, 16), -1, np.float32))

    return run
