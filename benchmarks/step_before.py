"""Training steps in bfloat16 on a CPU, in turns with those of another version of ctal.

    git worktree add ../before COMMIT
    python -m benchmarks.step_before --before ../before/src

Each version runs in its own process with one thread. The steps of both are interleaved. A step is
forward pass, losses, backward pass and Adam, with bfloat16 autocast: NYUv2's tasks at 288x384,
batch 4, tf_efficientnet_lite0, a tenth of the pixels unlabelled. Times are processor time, medians
without the first two steps. Losses of both versions are compared over all steps. Those of the other
version in float32 shows how much rounding to bfloat16 changes them.
"""

import argparse
import json
import statistics
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.measuring import ask, peak_memory, print_head, print_row, start_server

BATCH, SIZE = 4, (288, 384)
WIDTHS = {"encoder": "tf_efficientnet_lite0", "out_channels": [24, 40, 64, 80]}
NETWORKS: dict[str, dict[str, Any]] = {
    "MTINet": {},
    "MultiScaleCTALNet": {"channels": 64, "lean": True},
}


def steps(network: str, dtype: str = "bfloat16") -> Iterator[dict[str, float]]:
    """Train on one batch; yield seconds and loss of each step, and the peak memory in MiB."""
    import torch
    import torch.nn.functional as F

    from ctal import networks
    from ctal.tasks import Depth, SemanticSegmentation, SurfaceNormals
    from ctal.training import MultiTaskModule

    with suppress(ImportError):  # `ctal fit` calls it, in versions that have it
        import_module("ctal.training.allocation").keep_freed_memory(torch.device("cpu"))
    warnings.simplefilter("ignore")  # of logging without a trainer
    torch.set_num_threads(1)
    torch.manual_seed(0)
    tasks = [SemanticSegmentation(13), Depth(), SurfaceNormals()]
    arguments = WIDTHS | NETWORKS[network]
    module = MultiTaskModule(getattr(networks, network)(tasks, image_size=SIZE, **arguments))
    known = torch.rand(BATCH, *SIZE) > 0.1
    batch = {
        "image": torch.rand(BATCH, 3, *SIZE),
        "semseg": torch.where(known, torch.randint(0, 13, (BATCH, *SIZE)), 255),
        "depth": ((torch.rand(BATCH, *SIZE) + 1) * known).unsqueeze(1),
        "normals": F.normalize(torch.randn(BATCH, 3, *SIZE), dim=1) * known.unsqueeze(1),
    }
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-4)
    while True:
        start = time.process_time()
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == "bfloat16"):
            loss = module.training_step(batch, 0)
        torch.autograd.backward(loss)
        optimizer.step()
        seconds = time.process_time() - start
        yield {"seconds": seconds, "loss": loss.item(), "memory": peak_memory()}


def serve(network: str, dtype: str) -> None:
    """Run a step for each line of standard input, and print its results."""
    found = steps(network, dtype)
    for _ in sys.stdin:
        print(json.dumps(next(found)), flush=True)


def compare(network: str, sources: list[Path], count: int) -> list[list[dict[str, float]]]:
    """Return the results of `count` steps of each version, and of the first one in float32."""
    runs = [(source, "bfloat16") for source in sources] + [(sources[0], "float32")]
    processes = [
        start_server("benchmarks.step_before", source, "--serve", network, "--dtype", dtype)
        for source, dtype in runs
    ]
    try:
        turns = [[ask(process) for process in processes] for _ in range(count)]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    return [list(results) for results in zip(*turns, strict=True)]


def print_table(sources: list[Path], networks: list[str], count: int) -> None:
    """Print a row for each network."""
    cost = import_module("ctal.profiling.cost")
    print(cost.machine(import_module("torch").device("cpu")))
    print_head(
        *["network", "before s", "now s", "now / before", "before MiB", "now MiB"],
        *["loss of the last step, before and now", "largest difference of losses"],
        "of before from its float32",
    )
    for network in networks:
        before, now, exact = compare(network, sources, count)
        seconds = [statistics.median(x["seconds"] for x in one[2:]) for one in (before, now)]
        memory = [one[-1]["memory"] for one in (before, now)]
        print_row(
            *[network, *(f"{x:.2f}" for x in seconds), f"{seconds[1] / seconds[0]:.2f}"],
            *(f"{x:.0f}" for x in memory),
            f"{before[-1]['loss']:.4f}, {now[-1]['loss']:.4f}",
            *(
                f"{100 * largest_difference(*pair):.2f} %"
                for pair in ((now, before), (before, exact))
            ),
        )


def largest_difference(some: list[dict[str, float]], others: list[dict[str, float]]) -> float:
    """Return the largest relative difference of the losses of two runs."""
    return max(abs(x["loss"] / y["loss"] - 1) for x, y in zip(some, others, strict=True))


def main() -> None:
    """Print the table, or run the process of one version."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--before", type=Path, help="src of the other version")
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=NETWORKS)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--dtype", help=argparse.SUPPRESS)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve, given.dtype)
        return
    here = Path(__file__).parents[1] / "src"
    before = (given.before or here).resolve()
    print_table([before, here], given.networks, given.steps)


if __name__ == "__main__":
    main()
