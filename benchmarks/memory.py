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
    """Prints the memory of this process after each tenth of the images, and the peak until then.

    Args:
        folder: where a panel is written for each image.
        tenth: the number of images of a tenth.
    """

    def __init__(self, folder: Path, tenth: int) -> None:
        super().__init__(daemon=True)
        self.folder, self.tenth = folder, tenth
        self.peak = 0.0
        self.rows: list[float] = []
        self.ended = threading.Event()

    def run(self) -> None:
        """Sample twice a second until the end."""
        while not self.ended.wait(0.5):
            self.sample()

    def sample(self) -> None:
        """Print a row for each new tenth."""
        files = os.listdir(self.folder) if self.folder.exists() else []
        count = sum(name.endswith(".png") for name in files)
        memory = resident_memory()
        self.peak = max(self.peak, memory)
        while count >= self.tenth * (len(self.rows) + 1):
            self.rows.append(memory)
            print_row(self.tenth * len(self.rows), f"{memory:.0f}", f"{self.peak:.0f}")


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
        print_head("images", "resident memory, MiB", "most until then")
        sampler = Sampler(Path(folder) / "maps", max(1, given.images // 10))
        sampler.start()
        start = time.perf_counter()
        predict_files([f"{folder}/images"], output=f"{folder}/maps", image_size=given.image_size)
        seconds = time.perf_counter() - start
        sampler.ended.set()
        sampler.join()
        sampler.sample()
    growth = sampler.rows[-1] - sampler.rows[0]
    print(f"\n{given.images} images in {seconds:.0f} s, {growth:.0f} MiB after the first tenth")


if __name__ == "__main__":
    main()
