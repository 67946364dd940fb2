"""Throughput, memory and file sizes of `ctal predict`, in turns with another version.

    git worktree add ../before COMMIT
    python -m benchmarks.prediction --before ../before/src

The images are views of Rooms, enlarged to 1440x1080, with noise; or those of a folder of yours.
Each version runs on one image and on all of them; the difference is the time of the others,
without that of importing torch.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from benchmarks.measuring import print_head, print_row, versions

ROOMS = Path(__file__).parents[1] / "src" / "ctal" / "data" / "rooms" / "test" / "image"
SIZE = (1440, 1080)


class Run(NamedTuple):
    """Cost of a command: seconds, seconds of processors, peak memory in MiB."""

    wall: float
    cpu: float
    memory: float


def write_photos(folder: Path, count: int) -> list[Path]:
    """Write enlarged views of Rooms."""
    views = sorted(ROOMS.iterdir())
    noise = np.random.default_rng(0).normal(0, 4, (SIZE[1], SIZE[0], 3))
    photos = [folder / f"{index:04d}.jpg" for index in range(count)]
    for index, photo in enumerate(photos):
        view = Image.open(views[index % len(views)]).resize(SIZE, Image.Resampling.BICUBIC)
        pixels = np.asarray(view) + np.roll(noise, 97 * index, axis=1)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(photo, quality=92)
    return photos


def run(source: Path, photos: list[Path], output: Path) -> Run:
    """Run `ctal predict` with the package of a source folder."""
    environment = os.environ | {"PYTHONPATH": str(source)}
    inputs = list(map(str, photos))
    command = ["-m", "ctal", "predict", *inputs, "--output", str(output), "--overwrite"]
    command += ["--checkpoint", "nyuv2-lite0"]  # which both versions have
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *command],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command[:3])} with {source}: exit code {process.returncode}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", type=Path, help="src of the other version")
    parser.add_argument("--photos", type=Path, help="folder of images, instead of those of Rooms")
    parser.add_argument("--images", type=int, default=40, help="number of images")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    sources = versions(given.before)
    one: dict[str, list[Run]] = {name: [] for name in sources}
    many: dict[str, list[Run]] = {name: [] for name in sources}
    megabytes = {}
    with tempfile.TemporaryDirectory() as folder:
        if given.photos:
            photos = sorted(given.photos.iterdir())[: given.images]
        else:
            photos = write_photos(Path(folder), given.images)
        for _ in range(given.rounds):
            for name, source in sources.items():
                output = Path(folder) / name
                one[name].append(run(source, photos[:1], output))
                many[name].append(run(source, photos, output))
                sizes = [file.stat().st_size for file in output.glob("*.npz")]
                megabytes[name] = statistics.mean(sizes) / 1e6
    head = ["version", "command, s", "CPU, s", "s per image", "CPU s per image"]
    print_head(*head, "images per s", "peak MiB", ".npz MB")
    for name in sources:
        wall, cpu = (statistics.median(x[key] for x in many[name]) for key in (0, 1))
        first = [statistics.median(x[key] for x in one[name]) for key in (0, 1)]
        each, work = ((x - y) / (len(photos) - 1) for x, y in zip((wall, cpu), first, strict=True))
        peak = max(x.memory for x in many[name])
        cells = [f"{wall:.1f}", f"{cpu:.1f}", f"{each:.2f}", f"{work:.2f}", f"{1 / each:.2f}"]
        print_row(name, *cells, f"{peak:.0f}", f"{megabytes[name]:.1f}")


if __name__ == "__main__":
    main()
