"""Fine-tuning against training from the encoder's weights alone, on few images with own classes.

Takes the last 160 images of NYUv2's train split: 100 to train on and 60 to score, none of test.
Their 13 classes are merged into 5, whose names are none of the 13, and written as a person's own
folder (PNG, depth in millimeters). `ctal fit` then trains the network of the first source on it,
from the weights of each source, and `ctal test` scores the last epoch. Prints a Markdown table.

    python -m benchmarks.fine_tuning --data PREPARED_TRAIN_SPLIT --weights ENCODER.safetensors

The bundled models were trained on all of train, these images included. A run of your own on the
first 80 % of train (`--sources`) has not seen the 60 images that are scored.
"""

from __future__ import annotations

import argparse
import json
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from PIL import Image

import ctal
from benchmarks.measuring import print_head, print_row
from ctal.cli import main as command_line
from ctal.data import DenseDataset, NYUv2, PreparedArrays
from ctal.data.prepared import DESCRIPTION
from ctal.errors import InputError
from ctal.io.run_folder import RunFolder
from ctal.networks import describe

MERGED = {
    "seating": ("bed", "chair", "sofa"),
    "storage": ("furniture", "table"),
    "things": ("books", "objects", "tv"),
    "ground": ("floor",),
    "shell": ("ceiling", "picture", "wall", "window"),
}
SPLITS = {"train": 100, "test": 60}
UNLABELLED = 255
COLUMNS = {
    "mIoU": ("semseg/miou", 100),
    "pixel accuracy": ("semseg/pixel_accuracy", 100),
    "depth, mean error (m)": ("depth/abs_error", 1),
    "depth, relative error": ("depth/rel_error", 1),
}


@dataclass(frozen=True)
class Start:
    """The weights that a training starts from.

    Attributes:
        title: how the table calls it.
        settings: options of `ctal fit`.
    """

    title: str
    settings: dict[str, Any]


def main() -> None:
    """Write the folder, train from every source, and print the table."""
    given = _arguments()
    output = Path(given.output)
    network = network_of(given.sources[0])
    write_folder(_opened(given.data), output / "own")
    starts = [Start("the encoder's ImageNet weights", {"network.pretrained": given.weights})]
    starts += [Start(f"encoder of {_name(s)}", {"network.pretrained": s}) for s in given.sources]
    starts += [Start(f"all of {_name(source)}", {"init_from": source}) for source in given.sources]
    print_head("first weights", "learning rate", *COLUMNS)
    for start in starts:
        for rate in given.rates:
            scores = []
            for seed in given.seeds:
                place = output / f"{start.title.replace(' ', '_')}_{rate:g}_seed{seed}"
                config = settings(given, network, rate, seed, place)
                scores.append(trained(start, config, given.overrides))
            numbers = [_mean([factor * s[key] for s in scores]) for key, factor in COLUMNS.values()]
            print_row(start.title, f"{rate:g}", *numbers)


def network_of(source: str) -> dict[str, Any]:
    """Return the class and the arguments of a source's network, as a configuration has them."""
    found = describe(ctal.load(source).network)
    set_by_ctal_fit = ("image_size", "pretrained")
    arguments = {k: value for k, value in found["arguments"].items() if k not in set_by_ctal_fit}
    return {"class_path": found["class"], "init_args": arguments}


def write_folder(dataset: DenseDataset, folder: Path) -> None:
    """Write the last images of a dataset with merged classes, a folder for each split."""
    merged = _merged_ids(dataset)
    places = range(len(dataset) - sum(SPLITS.values()), len(dataset))
    if places.start < 0:
        raise InputError(f"data: expected {sum(SPLITS.values())} images, got {len(dataset)}")
    for index, place in enumerate(places):
        sample = dataset[place]
        root = folder / ("train" if index < SPLITS["train"] else "test")
        depth = (1000 * sample["depth"][0]).round().clamp(0, 65535)
        pixels = (255 * sample["image"]).round().to(torch.uint8).movedim(0, -1)
        arrays = {
            "image": pixels.numpy(),
            "label": merged[sample["semseg"].numpy()],
            "depth": depth.numpy().astype(np.uint16),
        }
        for kind, array in arrays.items():
            (root / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(root / kind / f"{index:03}.png")


def trained(start: Start, content: dict[str, Any], overrides: list[str]) -> dict[str, float]:
    """Train from a source, unless that is done, and return the scores of the last epoch."""
    place = Path(content["trainer"]["default_root_dir"])
    done = RunFolder(place).scores("test")  # written last
    if not done.exists():
        config = place / "own.yaml"
        place.mkdir(parents=True, exist_ok=True)
        config.write_text(yaml.safe_dump(content))
        options = [f"--model.{key}={value}" for key, value in start.settings.items()]
        options += [f"--{setting}" for setting in overrides]
        for command in (["fit", *options], ["test"]):
            if command_line([command[0], "--config", str(config), *command[1:]]):
                raise SystemExit(2)  # the reason is printed
            config = RunFolder(place).config
    scores: dict[str, float] = json.loads(done.read_text())["scores"]
    return scores


def settings(
    given: argparse.Namespace, network: dict[str, Any], rate: float, seed: int, place: Path
) -> dict[str, Any]:
    """Return the configuration of a training on the folder."""
    data = Path(given.output) / "own"
    classes = {"num_classes": len(MERGED), "class_names": list(MERGED)}
    semseg = {"class_path": "ctal.tasks.SemanticSegmentation", "init_args": classes}
    depth = {"task": {"class_path": "ctal.tasks.Depth"}, "files": "depth/{name}.png"}
    maps = [{"task": semseg, "files": "label/{name}.png"}, {**depth, "scale": 0.001, "ignore": [0]}]
    splits = {
        split: {
            "class_path": "ctal.data.FolderDataset",
            "init_args": {"root": str(data / split), "image": "image/{name}.png", "maps": maps},
        }
        for split in SPLITS
    }
    return {
        "seed_everything": seed,
        "trainer": {
            "default_root_dir": str(place),
            "max_epochs": given.epochs,
            "enable_progress_bar": False,
        },
        "model": {
            "network": network,
            "optimizer": {"class_path": "torch.optim.Adam", "init_args": {"lr": rate}},
        },
        "data": {
            **splits,
            "image_size": given.image_size,
            "batch_size": 8,
            "augmentation": [{"class_path": "torchvision.transforms.v2.RandomHorizontalFlip"}],
        },
    }


def _opened(data: str) -> DenseDataset:
    if (Path(data) / DESCRIPTION).is_file():
        return PreparedArrays(data)
    return NYUv2(data, "train", tasks=("semseg", "depth"))


def _merged_ids(dataset: DenseDataset) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return the new id of each old one; pixels without a class stay so."""
    semseg = next(task for task in dataset.tasks if task.name == "semseg")
    names = list(getattr(semseg, "class_names", None) or [])
    table = np.full(UNLABELLED + 1, UNLABELLED, np.uint8)
    for new, old in enumerate(MERGED.values()):
        table[[names.index(name) for name in old]] = new
    return table


def _mean(values: list[float]) -> str:
    """Return the mean, and the standard deviation of several values."""
    mean = f"{statistics.mean(values):.3g}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.stdev(values):.2g}"


def _name(source: str) -> str:
    return Path(source).name


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", required=True, help="NYUv2, or its train split packed by ctal data prepare"
    )
    parser.add_argument("--weights", required=True, help="weights of the encoder, a local file")
    parser.add_argument("--sources", nargs="+", default=["nyuv2-lite2"], help="trained networks")
    parser.add_argument("--image_size", nargs=2, type=int, default=[96, 128])
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rates", type=float, nargs="+", default=[1e-3])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="seeds of the trainings")
    parser.add_argument("--output", default="runs/fine_tuning", help="a new folder")
    parser.add_argument("--overrides", nargs="*", default=[], help="options of ctal fit, KEY=VALUE")
    return parser.parse_args()


if __name__ == "__main__":
    main()
