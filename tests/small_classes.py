"""Four small images with their classes, and a config that trains on them."""

import numpy as np
import yaml
from PIL import Image

SECTIONS = """
model:
  network: {class_path: ctal.networks.SharedEncoderNet, init_args: {encoder: test_resnet}}
  optimizer: {class_path: torch.optim.Adam, init_args: {lr: 0.001}}
data:
  train: &dataset
    class_path: ctal.data.FolderDataset
    init_args:
      root: data
      image: image/{name}.png
      maps:
        - task: {class_path: ctal.tasks.SemanticSegmentation, init_args: {num_classes: 3}}
          files: semseg/{name}.png
  val: *dataset
  batch_size: 2
"""


def write_training(folder, config, size, **trainer):
    """Write `data` with images of a size (H, W), and a config with `trainer` settings."""
    generator = np.random.default_rng(0)
    for kind in ("image", "semseg"):
        (folder / "data" / kind).mkdir(parents=True)
    for index in range(4):
        image = generator.integers(0, 256, (*size, 3)).astype(np.uint8)
        Image.fromarray(image).save(folder / "data" / "image" / f"{index}.png")
        Image.fromarray(image[..., 0] // 86).save(folder / "data" / "semseg" / f"{index}.png")
    quiet = {"enable_progress_bar": False, "enable_model_summary": False}
    settings = {"default_root_dir": "run", "accelerator": "cpu", **quiet, **trainer}
    (folder / config).write_text(yaml.safe_dump({"trainer": settings}) + SECTIONS)
