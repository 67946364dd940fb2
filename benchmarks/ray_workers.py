"""Throughput of `ctal.BatchPredictor` in one and in two workers of Ray Data.

    OMP_NUM_THREADS=1 python -m benchmarks.ray_workers

The images are views of Rooms, enlarged to 640x480, decoded before the time is measured, which
starts when the first batch is complete, so without the start of the workers. The second row runs
the same network in one and two processes without Ray, which is the limit of the machine. Requires
the extra `ray`.
"""

import argparse
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import ctal
from benchmarks.measuring import print_head, print_row
from benchmarks.prediction import write_photos

SOURCE = "nyuv2-lite0"
BATCH = 4


def rate_and_maps(batches: Iterable[dict[str, Any]]) -> tuple[float, dict[str, NDArray[Any]]]:
    """Return the images per second after the first batch, and the depth of each image."""
    maps: dict[str, NDArray[Any]] = {}
    start, first = 0.0, 0
    for batch in batches:
        maps.update(zip(batch["path"], batch["depth"], strict=True))
        if not start:
            start, first = time.perf_counter(), len(maps)
    return (len(maps) - first) / (time.perf_counter() - start), maps


def with_ray(images: Any, workers: int) -> tuple[float, dict[str, NDArray[Any]]]:
    """Predict in workers of Ray Data."""
    done = images.map_batches(
        ctal.BatchPredictor,
        fn_constructor_kwargs={"source": SOURCE},
        batch_size=BATCH,
        concurrency=workers,
        num_cpus=1,
    )
    return rate_and_maps(done.iter_batches(batch_size=BATCH))


def _predict_alone(barrier: Any, count: int, rates: Any) -> None:
    predictor = ctal.BatchPredictor(SOURCE, threads=1)
    image = np.random.default_rng(0).integers(0, 256, (BATCH, 480, 640, 3), dtype=np.uint8)
    predictor({"image": image})
    barrier.wait()
    start = time.perf_counter()
    for _ in range(count):
        predictor({"image": image})
    rates.put(BATCH * count / (time.perf_counter() - start))


def without_ray(workers: int, count: int) -> float:
    """Return the images per second of processes that predict at the same time."""
    context = multiprocessing.get_context("spawn")
    barrier, rates = context.Barrier(workers), context.Queue()
    arguments = (barrier, count, rates)
    processes = [context.Process(target=_predict_alone, args=arguments) for _ in range(workers)]
    for process in processes:
        process.start()
    total = sum(rates.get(timeout=600) for _ in processes)
    for process in processes:
        process.join()
    return float(total)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=96)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    alone: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(given.rounds):
        for workers, rates in alone.items():
            rates.append(without_ray(workers, given.images // BATCH // 2))

    import ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    found: dict[int, list[float]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory() as folder:
        write_photos(Path(folder), given.images)
        images = ray.data.read_images(folder, include_paths=True, mode="RGB", size=(480, 640))
        images = images.repartition(given.images // BATCH).materialize()
        all_maps = []
        for _ in range(given.rounds):
            for workers, rates in found.items():
                rate, maps = with_ray(images, workers)
                rates.append(rate)
                all_maps.append(maps)
    equal = all(
        maps.keys() == all_maps[0].keys()
        and all(np.array_equal(maps[path], all_maps[0][path]) for path in maps)
        for maps in all_maps
    )
    print_head("images per second", "one", "two", "two / one")
    for name, rates_of in {"workers of Ray Data": found, "processes without Ray": alone}.items():
        one, two = (statistics.median(rates) for rates in rates_of.values())
        print_row(name, f"{one:.2f}", f"{two:.2f}", f"{two / one:.2f}")
    print(f"\nmaps of one and two workers are equal: {equal}, {len(all_maps[0])} images")


if __name__ == "__main__":
    main()
