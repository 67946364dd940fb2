"""Accuracy and latency of trained networks at other resolutions, with `Network.resize`.

    python -m benchmarks.resolutions [RUN ...] [--scales 0.5 1 1.5 2] [--figure FILE.png]

RUN is the folder of a run, evaluated on the test split of its own data (or val if there is no
test), or a checkpoint, evaluated on the test split of Rooms. The default is the runs of
`ctal quickstart`. All rows are evaluated on labels at their stored size; raw maps are resized to
it. The size of a row is the training size times the scale, rounded to multiples of 32.

Each size is evaluated in two ways: "resized" resizes the network to the image, and "squeezed"
resizes the image to the training size. Both start from the stored image, so larger sizes add no
detail. Times are medians for one image, with all networks interleaved.
"""

import argparse
import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as TF

from ctal.comparison.figure import comparison_figure
from ctal.comparison.settings import data_module
from ctal.config.files import read_config
from ctal.data import DenseDataset, Rooms
from ctal.evaluation.metric_info import measures
from ctal.inference import Model
from ctal.inference.loading import load
from ctal.inference.postprocessing import resize_raw
from ctal.networks import Network
from ctal.networks.encoders.encoder import STRIDES
from ctal.networks.resizing import shared_copy
from ctal.profiling.cost import latencies, machine
from ctal.tasks import Task
from ctal.visualization.panels import save_png

QUICKSTART = "runs/quickstart/*/seed0"
Size = tuple[int, int]


def labelled_images(run: str) -> DenseDataset:
    """Return the dataset that a run is evaluated on, at its stored size."""
    if not Path(run).is_dir():
        return Rooms("test")
    data = data_module(read_config(Path(run) / "config.yaml"))
    found = data.datasets["test"] or data.datasets["val"]
    return found or Rooms("test")


def at_size(network: Network, size: Size) -> Network:
    """Return the network resized; the trained network is unchanged."""
    resized = shared_copy(network)
    resized.resize(size)
    return resized


def scaled(size: Size, scale: float) -> Size:
    """Scale a size, with each side rounded to the nearest multiple of 32."""
    step = STRIDES[-1]
    sides = [max(int(side * scale / step + 0.5), 1) * step for side in size]
    return sides[0], sides[1]


@torch.inference_mode()
def scores(
    network: Network, tasks: Sequence[Task], samples: DenseDataset, size: Size
) -> dict[str, float]:
    """Return the primary metric of every task, for images resized to `size`."""
    metrics = {task: next(iter(task.metrics().values())) for task in tasks}
    for index in range(len(samples)):
        sample = samples[index]
        image = TF.to_dtype(sample["image"], torch.float32, scale=True)[None]
        for step in (size, network.image_size):  # squeezed, if they differ
            image = TF.resize(image, list(step), antialias=True).clamp(0, 1)
        raw = network(image).final
        for task, metric in metrics.items():
            target = sample[task.name][None]
            found = resize_raw(raw[task.name], target.shape[-2:])
            metric.update(task.decode(found), target)
    return {task.name: float(metric.compute()) for task, metric in metrics.items()}


def rows(run: str, scales: Sequence[float]) -> Iterator[str]:
    """Yield the lines of a run's table."""
    model, samples = load(run), labelled_images(run)
    network, trained = model.network, model.network.image_size
    primary = [measure for measure in measures(model.tasks) if measure.primary]
    heads = [f"{measure.task} {measure.title()}" for measure in primary]
    height, width = samples[0]["image"].shape[-2:]
    yield (
        f"\n{run}: {type(network).__name__}, trained at {trained[0]}x{trained[1]}; "
        f"{len(samples)} images, stored at {height}x{width}\n"
    )
    yield f"| scale | size | images | {' | '.join(heads)} | ms |"
    yield "|---" * (4 + len(heads)) + "|"
    networks = {size: at_size(network, size) for size in {scaled(trained, s) for s in scales}}
    times = latencies({str(size): resized for size, resized in networks.items()} | {"": network})
    for scale in scales:
        size = scaled(trained, scale)
        shown = {"resized": networks[size]} | ({"squeezed": network} if size != trained else {})
        for kind, used in shown.items():
            found = scores(used, model.tasks, samples, size)
            cells = [_cell(found[m.task], share=m.share) for m in primary]
            kind, key = ("as trained", "") if size == trained else (kind, str(used.image_size))
            time = times.get(key, times[""])
            yield (
                f"| {scale:g} | {size[0]}x{size[1]} | {kind} | {' | '.join(cells)} | {time:.0f} |"
            )


def _cell(value: float, *, share: bool) -> str:
    return f"{100 * value:.2f}" if share else f"{value:.4g}"


def figure(runs: Sequence[str], scales: Sequence[float], images: int) -> Tensor:
    """Draw some images with their labels and the predictions of the first run at each scale."""
    model, samples = load(runs[0]), labelled_images(runs[0])
    sizes = [scaled(model.network.image_size, scale) for scale in scales]
    models = {f"{h}x{w}": Model(at_size(model.network, (h, w))) for h, w in sizes}
    indices = [len(samples) * number // images for number in range(images)]
    return comparison_figure(model.tasks, [samples[index] for index in indices], models)


def main() -> None:
    """Print a table for each run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("runs", nargs="*", metavar="RUN")
    parser.add_argument("--scales", nargs="+", type=float, default=[0.5, 1, 1.5, 2])
    parser.add_argument("--figure", type=Path, help="file for a figure of the first run")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    runs = arguments.runs or sorted(glob.glob(QUICKSTART))
    if not runs:
        print(f"{QUICKSTART}: not found; train the runs by `ctal quickstart`, or give a RUN")
        return
    print(machine(torch.device("cpu")))
    for run in runs:
        for row in rows(run, arguments.scales):
            print(row, flush=True)
    if arguments.figure:
        save_png(figure(runs, arguments.scales, images=3), arguments.figure)


if __name__ == "__main__":
    main()
