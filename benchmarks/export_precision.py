"""ONNX files in float32, float16 and int8 side by side: size, scores on held-out data, time.

    OMP_NUM_THREADS=1 python -m benchmarks.export_precision CHECKPOINT --data config.yaml

The data are those of a configuration, such as the config.yaml of a run: int8 is calibrated on 64
images of the train split, and all files are scored on the test split, or on val if there is no test
split. Times are of one image; the files take turns, and a ratio is the median of the ratios of
neighboring runs, so that other load on the machine affects both.
"""

import argparse
import io
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import torch

from benchmarks.measuring import print_head, print_row
from ctal.cli.export import notes
from ctal.cli.export_data import calibration_images, open_data, scored_batches
from ctal.evaluation.metric_info import measures
from ctal.export.formats import FORMATS, Run
from ctal.export.precision import to_float16, to_int8
from ctal.export.scoring import primary_scores
from ctal.export.tracing import Deployed, traced
from ctal.inference.loading import load
from ctal.profiling.cost import machine

TURNS = 40
ONNX = FORMATS[".onnx"]


def relative_times(runs: Mapping[str, Run], image: torch.Tensor) -> dict[str, tuple[float, float]]:
    """Return the median time of each program in ms, and how many times faster than the first."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(TURNS):
        for name, run in runs.items():
            start = time.perf_counter()
            run(image)
            seconds[name].append(time.perf_counter() - start)
    first = next(iter(seconds.values()))
    return {
        name: (
            1e3 * statistics.median(times),
            statistics.median(a / b for a, b in zip(first, times, strict=True)),
        )
        for name, times in seconds.items()
    }


def main() -> None:
    """Write the files of one network and print their table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint")
    parser.add_argument("--data", required=True)
    arguments = parser.parse_args()
    network = load(arguments.checkpoint).network
    module = open_data(arguments.data, network)
    content = io.BytesIO()
    names = [task.name for task in network.tasks]
    model = Deployed(network).eval()
    ONNX.write(traced(model, contiguous=True), names, notes(model), content, None)
    whole = content.getvalue()
    images = calibration_images(None, module, network.image_size)
    files = {
        "float32": whole,
        "float16": to_float16(whole),
        "int8": to_int8(whole, images),
        "int8, per tensor": to_int8(whole, images, per_channel=False),
    }
    runs = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, file in files.items():
            path = Path(folder, "network.onnx")
            path.write_bytes(file)
            runs[name] = ONNX.open(path)
    split, tasks, batches = scored_batches(module, network)
    times = relative_times(runs, images[0])
    scores = primary_scores(runs, tasks, batches)
    primary = [measure for measure in measures(tasks) if measure.primary]
    print(f"{arguments.checkpoint}, {split} split; {machine(torch.device('cpu'))}\n")
    print_head("file", "MiB", *(f"{m.task} {m.title()}" for m in primary), "ms", "speed")
    for name, file in files.items():
        cells = [f"{scores[name][m.task] * (100 if m.share else 1):.4g}" for m in primary]
        ms, speed = times[name]
        print_row(name, f"{len(file) / 2**20:.1f}", *cells, f"{ms:.0f}", f"{speed:.2f}")


if __name__ == "__main__":
    main()
