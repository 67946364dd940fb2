"""Latency of exported files compared with PyTorch, for the CTAL networks of the paper.

The networks have random weights and are exported by `ctal export`, which rejects files with
different results.
"""

from __future__ import annotations

import argparse
import tempfile

import torch

from ctal.cli.export import export_file
from ctal.inference import Model
from ctal.networks import CTALNet, MultiScaleCTALNet
from ctal.tasks import Depth, SemanticSegmentation, SurfaceNormals

SIZE = (288, 384)


def main() -> None:
    """Export each network and print the report of `ctal export`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--extension", default="onnx", help="onnx or pt2")
    parser.add_argument("--without_compiled", action="store_true", help="see `ctal export`")
    arguments = parser.parse_args()
    tasks = [SemanticSegmentation(13), Depth(), SurfaceNormals()]
    for kind in (CTALNet, MultiScaleCTALNet):
        torch.manual_seed(0)
        # 1: raw maps with the magnitude of trained networks
        network = kind(tasks, image_size=SIZE, mixing_power=1)
        with tempfile.TemporaryDirectory() as folder:
            Model(network).save_pretrained(f"{folder}/random")
            export_file(
                f"{folder}/random",
                f"{folder}/{kind.__name__}.{arguments.extension}",
                without_compiled=arguments.without_compiled,
            )


if __name__ == "__main__":
    main()
