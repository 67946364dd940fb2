"""Throughput of data loading compared with that of training steps, in samples per second.

    python -m benchmarks.loading [--threads N] [--samples N] [--steps N]

A dataset is loaded from its files, from the cache in memory (`data.cache`), and from the arrays of
`ctal data prepare`, without and with augmentation, by 0, 1 or 2 workers. All numbers are for the
second epoch, when files are in the page cache and workers have started. Run it on an idle machine.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from jsonargparse import ArgumentParser
from torchvision.transforms import v2

from ctal.data import DenseDataModule, DenseDataset, PreparedArrays, RandomZoomCrop, Sample
from ctal.data.pipeline import PreparedDataset
from ctal.data.preparing import write_arrays
from ctal.data_commands.opening import DataSettings, add_data_arguments
from ctal.errors import InputError
from ctal.networks import MultiScaleCTALNet, Network, SharedEncoderNet
from ctal.profiling.cost import machine

ROOT = Path(__file__).parents[1]
CASES = [
    ("rooms/shared_encoder.yaml", (96, 128)),
    ("nyuv2_folder/all_tasks_shared_encoder.yaml", (96, 128)),
    ("nyuv2_folder/all_tasks_shared_encoder.yaml", (288, 384)),
]
NETWORKS: list[type[Network]] = [SharedEncoderNet, MultiScaleCTALNet]
WORKERS = [0, 1, 2]
BATCH = 8
AUGMENTATION = [  # as in the configs
    v2.RandomHorizontalFlip(),
    RandomZoomCrop((1.0, 1.5)),
    v2.ColorJitter(brightness=0.2, contrast=0.2, saturation=0.2),
]


class First(DenseDataset):
    """Subset with the first samples of a dataset."""

    def __init__(self, dataset: DenseDataset, count: int) -> None:
        self.dataset, self.tasks = dataset, dataset.tasks
        self.count = min(count, len(dataset))

    def __len__(self) -> int:
        """Return the number of samples."""
        return self.count

    def __getitem__(self, index: int) -> Sample:
        """Return a sample."""
        return self.dataset[index]

    def sample_name(self, index: int) -> str:
        """Return the name of a sample."""
        return self.dataset.sample_name(index)


def forms(
    dataset: DenseDataset, size: tuple[int, int], folder: Path
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the variants of a dataset, by name, as arguments of a data module."""
    yield "files", {"train": dataset}
    yield "cached", {"train": dataset, "cache": True}
    resized = PreparedDataset(dataset, dataset.tasks, size, cache=False)
    names = [dataset.sample_name(index) for index in range(len(dataset))]
    samples = (resized[index] for index in range(len(resized)))
    write_arrays(samples, names, dataset.tasks, folder, size=size, source={})
    yield "prepared", {"train": PreparedArrays(folder)}
    yield "prepared, augmented", {"train": PreparedArrays(folder), "augmentation": AUGMENTATION}


def samples_per_second(module: DenseDataModule) -> float:
    """Measure the second epoch of the training loader."""
    loader = module.train_dataloader()
    for _ in loader:
        pass
    start = time.perf_counter()
    count = sum(len(batch["image"]) for batch in loader)
    return count / (time.perf_counter() - start)


def taken_by_training(kind: type[Network], module: DenseDataModule, steps: int) -> float:
    """Measure the samples per second of training steps without loading."""
    network = kind(module.tasks, image_size=module.image_size)
    optimizer = torch.optim.Adam(network.parameters())
    batch = next(iter(module.train_dataloader()))
    times = []
    for _ in range(1 + steps):  # the first one is the warm-up
        start = time.perf_counter()
        predictions = network(batch["image"])
        scales = [predictions.final, *predictions.initial]
        maps = [(task, raw_maps[task.name]) for raw_maps in scales for task in module.tasks]
        loss = torch.stack([task.loss(raw_map, batch[task.name]) for task, raw_map in maps]).sum()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        times.append(time.perf_counter() - start)
    return len(batch["image"]) / statistics.median(times[1:])


def training_data(config: str) -> DenseDataset:
    """Return the training dataset of a config."""
    parser = ArgumentParser(exit_on_error=False)
    add_data_arguments(parser)
    parsed = parser.parse_args(["--config", f"configs/{config}"]).as_dict()
    return DataSettings(parsed["data"]).open("train")


def run_case(config: str, size: tuple[int, int], samples: int, steps: int) -> None:
    """Print a row for each variant of the data and each network."""
    title = f"{config.partition('/')[0]} {size[0]}x{size[1]}"
    dataset = First(training_data(config), samples)
    with tempfile.TemporaryDirectory() as folder:
        for name, given in forms(dataset, size, Path(folder) / "packed"):
            rates = [
                samples_per_second(
                    DenseDataModule(**given, image_size=size, batch_size=BATCH, num_workers=workers)
                )
                for workers in WORKERS
            ]
            print(
                f"| {title} | {name} | {' | '.join(f'{rate:.0f}' for rate in rates)} |", flush=True
            )
        module = DenseDataModule(PreparedArrays(Path(folder) / "packed"), batch_size=BATCH)
        for kind in NETWORKS if steps else ():
            rate = taken_by_training(kind, module, steps)
            print(f"| {title} | taken by {kind.__name__} | {rate:.1f} | | |", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--samples", type=int, default=64)
    parser.add_argument("--steps", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    os.chdir(ROOT)  # paths in the configs are relative to it
    print(machine(torch.device("cpu")))
    print("| data | form | samples/s, 0 workers | 1 worker | 2 workers |")
    print("|---|---|---|---|---|")
    for config, size in CASES:
        try:
            run_case(config, size, arguments.samples, arguments.steps)
        except InputError as error:  # images that are not available
            print(f"skipped: {error}")


if __name__ == "__main__":
    main()
