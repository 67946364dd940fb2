"""Study of cross-task affinity on NYUv2, as reported in docs/results.md.

Trains the configs of configs/nyuv2_study on the whole train split of NYUv2 and evaluates the last
epoch on test, once. With --choose, it trains on four fifths of train and evaluates on the rest; all
hyperparameters were chosen this way. Blocks differ in encoder, image size and number of epochs.
Runs are saved in OUTPUT/<block>/<network>/seed<k>. Rerun the command to resume, also on another
machine with a copy of OUTPUT. Nothing is downloaded.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml

from ctal.cli import main as ctal
from ctal.cli.compare import compare
from ctal.config.files import read_config
from ctal.errors import InputError, Interrupted
from ctal.io.atomic import write_text

CONFIGS = Path(__file__).parents[1] / "configs" / "nyuv2_study"
NETWORKS = (  # the main comparison first, in case the study is stopped early
    *("single_task", "shared_encoder", "ctal", "ctal_control"),
    *("multi_scale_ctal", "multi_scale_ctal_control", "mti", "pad", "pap"),
    *("ctal_shared_mixing", "multi_scale_ctal_shared_mixing"),
    *("lean_control", "lean_ctal", "lean_centered"),
)
HELD_OUT = 0.2  # share of train, its last names, so that images of a room are mostly on one side


@dataclass(frozen=True)
class Block:
    """Block of the study, which gives one table.

    Attributes:
        image_size: (H, W).
        epochs: number of epochs.
        rate: learning rate of Adam.
        encoder: name of the timm encoder.
        pretrained: whether the encoder is initialized from the weights file.
        narrowed: whether networks with four scales use the `out_channels` of the configs; HRNet,
            for which they were designed, does not need them.
    """

    image_size: tuple[int, int]
    epochs: int
    rate: float
    encoder: str
    pretrained: bool
    narrowed: bool

    def settings(self, weights: str) -> list[str]:
        """Return the settings of this block that differ from the configs."""
        network = "model.network.init_args"
        height, width = self.image_size
        return [
            f"data.image_size=[{height},{width}]",
            f"trainer.max_epochs={self.epochs}",
            f"model.optimizer.init_args.lr={self.rate}",
            f"{network}.encoder={self.encoder}",
            f"{network}.pretrained={weights if self.pretrained else 'false'}",
        ]


BLOCKS = {
    "lite0": Block((288, 384), 60, 1e-3, "tf_efficientnet_lite0", pretrained=True, narrowed=True),
    "medium": Block((192, 256), 40, 1e-3, "tf_efficientnet_lite0", pretrained=True, narrowed=True),
    "hrnet": Block((288, 384), 120, 1e-3, "hrnet_w18_small_v2", pretrained=False, narrowed=False),
    "small": Block((96, 128), 8, 2e-3, "tf_efficientnet_lite0", pretrained=True, narrowed=True),
}


def main() -> int:
    """Run the selected blocks in order; a failed block does not stop the others."""
    given = _arguments()
    code = 0
    for name in given.blocks:
        try:
            study(name, given)
        except InputError as error:
            sys.stderr.write(f"error: {name}: {error}\n")
            code = 2
        except Interrupted as error:
            sys.stderr.write(f"\n{error}\n")
            return 128 + error.number
    return code


def study(name: str, given: argparse.Namespace) -> None:
    """Prepare the data of a block, then train and compare its networks.

    Raises:
        InputError: A file is missing, or a run failed.
        Interrupted: A signal stopped the study.
    """
    block = BLOCKS[name]
    output = Path(given.output)
    data = _prepared(block, given.root, output / "data", choose=given.choose)
    place = output / (f"{name}_chosen" if given.choose else name)
    compare(
        [str(_configuration(network, block, place)) for network in given.networks],
        seeds=given.seeds,
        output=str(place),
        overrides=[*block.settings(given.weights), *data, *given.overrides],
        split="val" if given.choose else "test",
        images=6,
        device="cuda" if torch.cuda.is_available() else "cpu",
        parallel=given.parallel,
        machine=_machine(),
    )


def _configuration(network: str, block: Block, place: Path) -> Path:
    """Return the config of a network, without `out_channels` if the block does not use them."""
    file = CONFIGS / f"{network}.yaml"
    content = read_config(file)
    if block.narrowed or "out_channels" not in content["model"]["network"]["init_args"]:
        return file
    del content["model"]["network"]["init_args"]["out_channels"]
    changed = place / "configs" / file.name
    write_text(changed, yaml.safe_dump(content, sort_keys=False))
    return changed


def _prepared(block: Block, root: str, place: Path, *, choose: bool) -> list[str]:
    """Prepare arrays of the images unless they exist, and return the settings that read them."""
    parts = {"train": ("train", [0.0, 1.0]), "test": ("test", [0.0, 1.0])}
    if choose:
        parts = {"train": ("train", [0.0, 1 - HELD_OUT]), "val": ("train", [1 - HELD_OUT, 1.0])}
    height, width = block.image_size
    folder = place / f"{height}x{width}{'_chosen' if choose else ''}"
    data: dict[str, Any] = {"image_size": [height, width]}
    for part, (split, share) in parts.items():
        arguments = {"root": root, "split": split, "fraction": share}
        data[part] = {"class_path": "ctal.data.NYUv2", "init_args": arguments}
    # a folder of arrays is written atomically, so it is complete if it exists
    missing = [part for part in parts if not (folder / part).is_dir()]
    if missing:
        config = folder.with_suffix(".yaml")
        write_text(config, yaml.safe_dump({"data": data}))
        command = ["data", "prepare", "--config", str(config), "--output", str(folder)]
        if ctal([*command, "--split", *missing]):
            raise InputError(f"{root}: cannot be prepared; see the error above")
    settings = []
    for part in parts:
        settings += [
            f"data.{part}.class_path=ctal.data.PreparedArrays",
            f"data.{part}.init_args.folder={folder / part}",
        ]
    return [*settings, "data.test=null"] if choose else settings


def _machine() -> list[str]:
    """Return machine settings: one device; on a GPU, data in its memory and a compiled network."""
    cuda = torch.cuda.is_available()
    return [
        "trainer.devices=1",
        f"data.on_device={str(cuda).lower()}",
        f"model.compiled={'default' if cuda else 'null'}",
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--root", default="../shared/nyuv2_288x384", help="NYUv2 in any supported format"
    )
    parser.add_argument(
        "--weights",
        default="../shared/weights/tf_efficientnet_lite0.safetensors",
        help="local file with the ImageNet weights of the encoder",
    )
    parser.add_argument("--output", default="runs/nyuv2_study")
    parser.add_argument("--blocks", nargs="+", default=list(BLOCKS), choices=BLOCKS)
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=NETWORKS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--parallel", type=int, default=4, help="parallel runs on one device")
    parser.add_argument("--choose", action="store_true", help="hold out a part of train for val")
    parser.add_argument(
        "--overrides", nargs="*", default=[], help="additional settings of ctal fit"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
