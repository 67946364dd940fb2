"""Time of normals derived from depth, in turns with another version.

    git worktree add ../before COMMIT
    python -m benchmarks.normals --before ../before/src

The depth is a curved surface with a step, noise and holes, or that of an array file (N, 1, H, W).
The times are those of the processor, in one thread, so that other programs disturb them less.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.measuring import print_head, print_row, versions

ROOT = Path(__file__).parents[1]
LEAST = 0.5  # minimum of seconds of one measurement
SIZES = [(96, 128), (288, 384), (480, 640), (1080, 1440)]


def scene(height: int, width: int) -> NDArray[np.float32]:
    """Return the depth of a surface in meters."""
    random = np.random.default_rng(0)
    v, u = np.mgrid[:height, :width] / width
    depth = 2 + u + 0.5 * v + (u > 0.5) + 0.3 * np.sin(12 * u) * np.cos(15 * v)
    depth *= 1 + random.normal(0, 0.003, depth.shape)
    depth[random.random(depth.shape) < 0.02] = 0
    return depth.astype(np.float32)


def measure(size: tuple[int, int], file: Path | None) -> float:
    """Return the seconds of one map, with the package on this process's path."""
    import torch

    import ctal.data.geometry as geometry
    from ctal.data import Camera

    torch.set_num_threads(1)
    depths = [scene(*size)] * 5
    if file is not None:
        maps = np.load(file, mmap_mode="r")
        depths = [np.array(maps[n, 0]) for n in np.linspace(0, len(maps) - 1, 5).astype(int)]
    height, width = depths[0].shape
    camera = Camera(0.9 * width, 0.9 * width, width / 2, height / 2)
    seconds: list[float] = []
    geometry.normals_from_depth(depths[0], camera)  # compiles, or loads what is compiled
    while len(seconds) < len(depths) or sum(seconds) < LEAST:
        start = time.process_time()
        geometry.normals_from_depth(depths[len(seconds) % len(depths)], camera)
        seconds.append(time.process_time() - start)
    return statistics.median(seconds)


def run(source: Path, size: tuple[int, int], file: Path | None) -> float:
    """Measure in a new process with the package of a source folder."""
    environment = os.environ | {"PYTHONPATH": f"{source}{os.pathsep}{ROOT}", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "benchmarks.normals", "--size", *map(str, size)]
    command += [] if file is None else ["--depth", str(file)]
    return float(json.loads(subprocess.check_output(command, env=environment)))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", type=Path, help="src of the other version")
    parser.add_argument("--depth", type=Path, help="array file (N, 1, H, W), meters")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", nargs=2, type=int, help="measure this size in this process")
    given = parser.parse_args()
    if given.size:
        print(json.dumps(measure((given.size[0], given.size[1]), given.depth)))
        return
    sources = versions(given.before)
    sizes = SIZES
    if given.depth:
        shape = np.load(given.depth, mmap_mode="r").shape
        sizes = [(shape[-2], shape[-1])]
    print_head("size", *(f"{name}, maps per s" for name in sources), "ratio")
    for size in sizes:
        turns = [
            {n: run(s, size, given.depth) for n, s in sources.items()} for _ in range(given.rounds)
        ]
        each = {name: statistics.median(turn[name] for turn in turns) for name in sources}
        ratio = each[next(iter(each))] / each["now"]
        print_row(f"{size[1]}x{size[0]}", *(f"{1 / x:.1f}" for x in each.values()), f"{ratio:.1f}")


if __name__ == "__main__":
    main()
