"""Prediction time for different OpenMP settings, on an idle machine and with a busy process.

Each measurement runs in a new process, since OpenMP reads its settings once. Settings are
interleaved.

    python -m benchmarks.threads
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack

from benchmarks.measuring import print_head, print_row

SETTINGS: dict[str, dict[str, str]] = {
    "library defaults": {},
    "GOMP_SPINCOUNT=100000": {"GOMP_SPINCOUNT": "100000"},
    "GOMP_SPINCOUNT=10000": {"GOMP_SPINCOUNT": "10000"},
    "GOMP_SPINCOUNT=1000": {"GOMP_SPINCOUNT": "1000"},
    "OMP_WAIT_POLICY=PASSIVE": {"OMP_WAIT_POLICY": "PASSIVE"},
    "OMP_NUM_THREADS=1": {"OMP_NUM_THREADS": "1"},
}
_OPENMP = ("OMP_", "GOMP_", "KMP_")


def seconds_per_image(images: int) -> float:
    """Return the median prediction time of the bundled model in this process."""
    import numpy as np

    import ctal

    model = ctal.load("nyuv2-lite0")
    image = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    model.predict(image)
    seconds = []
    for _ in range(images):
        start = time.perf_counter()
        model.predict(image)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def _measured(settings: dict[str, str], images: int) -> float:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(_OPENMP)}
    command = [sys.executable, "-m", "benchmarks.threads", "--case", "--images", str(images)]
    done = subprocess.run(command, env=kept | settings, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout.splitlines()[-1]))


def _busy(count: int) -> ExitStack:
    """Start processes that keep one core each busy until the stack is closed."""
    stack = ExitStack()
    for _ in range(count):
        process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
        stack.callback(process.wait)
        stack.callback(process.kill)
    return stack


def main() -> None:
    """Print the table, or measure one case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--images", type=int, default=15, help="predictions per process")
    parser.add_argument("--rounds", type=int, default=3, help="processes per row")
    parser.add_argument("--busy", type=int, default=1, help="busy processes in the last column")
    arguments = parser.parse_args()
    if arguments.case:
        print(json.dumps(seconds_per_image(arguments.images)))
        return
    found: dict[tuple[str, int], list[float]] = {}
    for _ in range(arguments.rounds):
        for busy in (0, arguments.busy):
            for name, settings in SETTINGS.items():
                with _busy(busy):
                    seconds = _measured(settings, arguments.images)
                found.setdefault((name, busy), []).append(seconds)
    print_head("settings", "alone, s", f"beside {arguments.busy} busy, s", "slowdown")
    for name in SETTINGS:
        alone, beside = (statistics.median(found[name, n]) for n in (0, arguments.busy))
        print_row(name, f"{alone:.3f}", f"{beside:.3f}", f"{beside / alone:.1f}")


if __name__ == "__main__":
    main()
