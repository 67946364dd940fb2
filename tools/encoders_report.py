"""Report of the timm models supported as encoders: the tables of docs/encoders.md.

    python -m tools.encoders_report

Every model listed by timm is run on the meta device with the image sizes below, which takes about
20 minutes. The smallest model of every row is then run with real tensors: weights of its default
image size are loaded for another image size, and the model is resized.
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
USUAL = [(512, 512), (288, 384)]  # sizes of PASCAL-Context and NYUv2
SPECIAL = [(256, 512), (256, 256), (224, 224), (384, 384)]  # tried if a usual size fails
SMALL = [(64, 96), (128, 128)]  # tried first with real tensors
LARGEST = 2e8  # most parameters of a model that is run with real tensors


class Verdict(NamedTuple):
    """Result of running a model on the meta device.

    Attributes:
        name: name of the model.
        row: properties shared by the models of a table row: family, kind, sizes, and whether timm
            defines the model for a fixed image size.
        sizes: supported sizes among the tested ones.
        refused: the reason why a size is not supported, or "".
        parameters: number of parameters of the model as an encoder body.
    """

    name: str
    row: tuple[str, str, str, bool]
    sizes: list[Size]
    refused: str
    parameters: int


def judge(name: str) -> Verdict:
    """Run a model on the meta device."""
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
    """Return the supported sizes of a model, and the reason why another one is not supported."""
    found, refused = [], ""
    for size in sizes:
        try:
            body_options(name, size)
            found.append(size)
        except InputError as error:
            refused = refused or str(error)
    return found, refused


def run(verdict: Verdict) -> tuple[str, str, str]:
    """Return the channels of a model, and whether it supports loading and resizing."""
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
    """Check the shapes and values of an encoder's feature maps.

    Raises:
        AssertionError: They differ from the attributes of the encoder, or are not finite.
    """
    with torch.no_grad():
        scales = encoder.eval()(torch.rand(1, 3, *encoder.size))
    height, width = encoder.size
    for x, channels, stride in zip(scales, encoder.out_channels, STRIDES, strict=True):
        assert x.shape == (1, channels, height // stride, width // stride), encoder.name
        assert x.isfinite().all(), encoder.name


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m tools.encoders_report", description=__doc__)
    parser.add_argument("names", nargs="*", default=["*"], help="patterns of model names")
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
