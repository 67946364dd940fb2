"""torch.compile on a CPU: time of compilation, prediction and training step, against eager mode.

    OMP_NUM_THREADS=1 python -m benchmarks.compiled

NYUv2's tasks, tf_efficientnet_lite0, lean CTAL network with 64 channels. Every row runs in a new
process, with a new cache of compiled code. A row that takes longer than `--minutes` is stopped.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable

import torch

from benchmarks.measuring import print_head, print_row
from benchmarks.step_before import NETWORKS, WIDTHS
from benchmarks.training_step import make_step
from ctal.networks import Predictions
from ctal.profiling.cost import machine


def measure(network: str, image_size: tuple[int, int], training: bool) -> dict[str, float]:
    """Return the seconds of the first call, and of later ones in eager mode and compiled."""
    warnings.simplefilter("ignore")
    module, batch = make_step(network, WIDTHS | NETWORKS[network], image_size)
    if not training:
        module.eval()
    compiled = torch.compile(module.network)

    def run(forward: Callable[[torch.Tensor], Predictions]) -> float:
        start = time.perf_counter()
        with (
            torch.autocast("cpu", torch.bfloat16, enabled=training),
            contextlib.nullcontext() if training else torch.inference_mode(),
        ):
            outputs = forward(batch["image"])
            if training:
                losses = module.losses(outputs, batch).values()
                torch.autograd.backward(torch.stack([*losses]).sum())
        return time.perf_counter() - start

    run(module.network)
    first = run(compiled)
    turns = [(run(module.network), run(compiled)) for _ in range(5)]
    eager, fast = (statistics.median(seconds) for seconds in zip(*turns, strict=True))
    return {"first": first, "eager": eager, "compiled": fast}


def main() -> None:
    """Print the table, or the result of one case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image_size", nargs=2, type=int, default=[288, 384])
    parser.add_argument("--minutes", type=float, default=15, help="limit of a row")
    parser.add_argument("--case", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    height, width = given.image_size
    if given.case:
        network, what = given.case
        print(json.dumps(measure(network, (height, width), what == "training")))
        return
    print(machine(torch.device("cpu")), f"{height}x{width}, batch 2", sep=", ")
    head = ["network", "what", "first call, s", "eager, s", "compiled, s", "compiled / eager"]
    print_head(*head)
    for network in NETWORKS:
        for what in ("prediction", "training"):
            command = ["--case", network, what, "--image_size", str(height), str(width)]
            with tempfile.TemporaryDirectory() as cache:
                try:
                    done = subprocess.run(
                        [sys.executable, "-m", "benchmarks.compiled", *command],
                        env=os.environ | {"TORCHINDUCTOR_CACHE_DIR": cache},
                        stdout=subprocess.PIPE,
                        text=True,
                        check=True,
                        timeout=60 * given.minutes,
                    )
                except subprocess.TimeoutExpired:
                    print_row(network, what, f"> {60 * given.minutes:.0f}", "-", "-", "-")
                    continue
            found = json.loads(done.stdout.splitlines()[-1])
            cells = [f"{found[key]:.2f}" for key in ("first", "eager", "compiled")]
            print_row(network, what, *cells, f"{found['compiled'] / found['eager']:.2f}")


if __name__ == "__main__":
    main()
