"""Resident memory of `ctal predict` over many images in one process.

    python -m benchmarks.memory --images 10000 --image_size 64 64

The images are views of Rooms, 128x96, each under many names. Memory that only caches take is
reached after some hundred images; growth after the first tenth would be a leak.
"""

import argparse
import os
import tempfile
import threading
import time
from itertools import cycle, islice
from pathlib import Path

from benchmarks.measuring import print_head, print_row, resident_memory
from benchmarks.prediction import ROOMS
from ctal.cli.threads import set_thread_defaults


class Sampler(threading.Thread):
    """Notes the number of panels in a folder and the memory of this process, twice a second."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.folder = folder
        self.samples: list[tuple[int, float]] = []
        self.ended = threading.Event()

    def run(self) -> None:
        """Sample until the end."""
        while not self.ended.wait(0.5):
            files = os.listdir(self.folder) if self.folder.exists() else []
            count = sum(name.endswith(".png") for name in files)
            self.samples.append((count, resident_memory()))


def main() -> None:
    """Print the memory after each tenth of the images."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--image_size", nargs=2, type=int, help="of the network")
    parser.add_argument("--folder", help="for temporary files; /dev/shm spares the disk")
    given = parser.parse_args()
    set_thread_defaults()  # before torch is imported
    from ctal.cli.predict import predict_files

    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        (Path(folder) / "images").mkdir()
        for index, view in enumerate(islice(cycle(sorted(ROOMS.iterdir())), given.images)):
            (Path(folder) / "images" / f"{index:06d}.jpg").write_bytes(view.read_bytes())
        sampler = Sampler(Path(folder) / "maps")
        sampler.start()
        start = time.perf_counter()
        predict_files([f"{folder}/images"], output=f"{folder}/maps", image_size=given.image_size)
        seconds = time.perf_counter() - start
        sampler.ended.set()
        sampler.join()
    print_head("images", "resident memory, MiB")
    tenths = [given.images * part // 10 for part in range(1, 11)]
    found = {n: max((x for x in sampler.samples if x[0] <= n), default=(0, 0.0)) for n in tenths}
    for _, (count, memory) in found.items():
        print_row(count, f"{memory:.0f}")
    growth = found[tenths[-1]][1] - found[tenths[0]][1]
    print(f"\n{given.images} images in {seconds:.0f} s, {growth:.0f} MiB after the first tenth")


if __name__ == "__main__":
    main()
