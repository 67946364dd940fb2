"""Which timm models can be an encoder: the tables of docs/encoders.md.

    python -m tools.encoders_report

Every model that timm lists is run on images without numbers, of the sizes below; that takes some
20 minutes. The smallest model of every row is then run with numbers, given weights of its own size
for images of another, and resized.
"""

from __future__ import annotations

import argparse
import fnmatch
import logging
import tempfile
import warnings
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import timm
import torch
from timm.models import model_entrypoint

from ctal.errors import InputError
from ctal.networks import Encoder
from ctal.networks.encoders.bodies import STRIDES, body_options, create_body, feature_maps

Size = tuple[int, int]  # height, width
USUAL = [(512, 512), (288, 384)]  # those of PASCAL-Context and NYUv2
SPECIAL = [(256, 512), (256, 256), (224, 224), (384, 384)]  # asked for where one of them fails
SMALL = [(64, 96), (128, 128)]  # what the runs with numbers try first
LARGEST = 2e8  # parameters of a model that is run with numbers


class Verdict(NamedTuple):
    """What can be said of a model without its numbers.

    Attributes:
        name: of the model.
        row: what models in one row of the table share: family, kind, sizes, and whether timm
            says that the model is made for one size.
        sizes: those that it takes of the ones asked for.
        refused: why it takes not all of them, or none.
        parameters: how many it has as an encoder's body.
    """

    name: str
    row: tuple[str, str, str, bool]
    sizes: list[Size]
    refused: str
    parameters: int


def judge(name: str) -> Verdict:
    """Run a model on images without numbers."""
    family = model_entrypoint(name).__module__.rpartition(".")[2]
    try:
        maps = feature_maps(name)
    except InputError as error:
        return Verdict(name, (family, "none", str(error).split("'")[-1], False), [], str(error), 0)
    sizes, refused = taken(name, USUAL)
    if refused:
        sizes += taken(name, SPECIAL)[0]
    with torch.device("meta"):
        parameters = create_body(name, out_indices=maps.indices).parameters()
    kind = "pyramid" if maps.patch is None else f"plain, {maps.patch}"
    text = ", ".join(f"{height}x{width}" for height, width in sorted(sizes)) if refused else "any"
    fixed = "img_size" in body_options(name, sizes[0]) if sizes else False
    total = sum(parameter.numel() for parameter in parameters)
    return Verdict(name, (family, kind, text, fixed), sizes, refused, total)


def taken(name: str, sizes: Iterable[Size]) -> tuple[list[Size], str]:
    """The sizes that a model takes, and why it does not take another."""
    found, refused = [], ""
    for size in sizes:
        try:
            body_options(name, size)
            found.append(size)
        except InputError as error:
            refused = refused or str(error)
    return found, refused


def run(verdict: Verdict) -> tuple[str, str, str]:
    """The channels of a model, and whether its weights can go to other sizes."""
    if verdict.parameters > LARGEST:
        return "not run", "", ""
    small, other = [*taken(verdict.name, SMALL)[0], *verdict.sizes, *verdict.sizes][:2]
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "weights.pth")
        torch.save(timm.create_model(verdict.name).state_dict(), path)
        try:
            encoder, loads = Encoder(verdict.name, image_size=small, pretrained=path), "yes"
        except InputError as error:
            logging.warning(error)
            encoder, loads = Encoder(verdict.name, image_size=small), "no"
    check_maps(encoder)
    try:
        encoder.resize(other)
        check_maps(encoder)
        resizes = "yes" if small != other else "-"
    except InputError as error:
        logging.warning(error)
        resizes = "no"
    return ", ".join(map(str, encoder.out_channels)), loads, resizes


def check_maps(encoder: Encoder) -> None:
    """Raise AssertionError unless the pyramid is what the encoder says."""
    with torch.no_grad():
        scales = encoder.eval()(torch.rand(1, 3, *encoder.size))
    height, width = encoder.size
    for x, channels, stride in zip(scales, encoder.out_channels, STRIDES, strict=True):
        assert x.shape == (1, channels, height // stride, width // stride), encoder.name
        assert x.isfinite().all(), encoder.name


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m tools.encoders_report", description=__doc__)
    parser.add_argument("names", nargs="*", default=["*"], help="patterns of names (default: all)")
    patterns = parser.parse_args().names
    logging.getLogger("timm").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    rows = defaultdict(list)
    for name in timm.list_models():
        if any(fnmatch.fnmatch(name, pattern) for pattern in patterns):
            verdict = judge(name)
            rows[verdict.row].append(verdict)
    print(f"timm {timm.__version__}, {sum(map(len, rows.values()))} models\n")
    print("| family | models | kind | sizes | smallest | channels | weights | resizes |")
    print("|---|---:|---|---|---|---|---|---|")
    smallest = [
        (row, min(found, key=lambda v: v.parameters)) for row, found in sorted(rows.items())
    ]
    for row, verdict in smallest:
        if verdict.sizes:
            cells = [row[0], len(rows[row]), *row[1:3], verdict.name, *run(verdict)]
            print(f"| {' | '.join(map(str, cells))} |", flush=True)
    print("\n| family | models | such as | why not |\n|---|---:|---|---|")
    for row, verdict in smallest:
        if not verdict.sizes:
            reason = verdict.refused.partition(": ")[2].partition("; use")[0]
            print(f"| {row[0]} | {len(rows[row])} | {verdict.name} | {reason} |")


if __name__ == "__main__":
    main()
