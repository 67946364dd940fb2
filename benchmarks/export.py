"""Time of one picture in exported files beside PyTorch, for the CTAL networks of the paper.

The networks have random weights and go through `ctal export`, which refuses files that compute
something else.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import torch

from ctal.export import export_file
from ctal.networks import CTALNet, MultiScaleCTALNet, Network, describe
from ctal.tasks import Depth, SemanticSegmentation, SurfaceNormals

SIZE = (288, 384)


def main() -> None:
    """Exports each network and prints what `ctal export` tells."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--extension", default="onnx", help="onnx or pt2")
    parser.add_argument("--without_compiled", action="store_true", help="as of `ctal export`")
    arguments = parser.parse_args()
    tasks = [SemanticSegmentation(13), Depth(), SurfaceNormals()]
    scale = 16 / (SIZE[0] * SIZE[1])  # 1 / P: raw maps of the size that trained ones have
    for kind in (CTALNet, MultiScaleCTALNet):
        torch.manual_seed(0)
        network = kind(tasks, image_size=SIZE, mixing_scale=scale)
        with tempfile.TemporaryDirectory() as folder:
            export_file(
                str(_saved(network, Path(folder) / "random.ckpt")),
                f"{folder}/{kind.__name__}.{arguments.extension}",
                without_compiled=arguments.without_compiled,
            )


def _saved(network: Network, path: Path) -> Path:
    state = {f"network.{name}": value for name, value in network.state_dict().items()}
    torch.save({"state_dict": state, "ctal": describe(network)}, path)
    return path


if __name__ == "__main__":
    main()
