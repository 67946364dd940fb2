"""Processor time of whole commands, in turns with those of another version.

    git worktree add ../before COMMIT
    python -m benchmarks.startup --before ../before/src --image photo.jpg

The times are user and system seconds of the process, which other processes change little.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measuring import print_head, print_row, versions

HELP = [["predict"], ["explain"], ["info"], ["compare"], ["export"], ["demo"], ["data", "check"]]
IMPORTS = "import torch, torchvision, timm"


def seconds(command: list[str], source: Path) -> float:
    """Run a command with the package of a source folder; its exit code is not looked at."""
    environment = os.environ | {"PYTHONPATH": str(source), "OMP_NUM_THREADS": "1"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *command], env=environment, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def cases(image: str | None, folder: str) -> dict[str, list[str]]:
    """Return the measured commands by their title."""
    found = {f"ctal {' '.join(words)} --help": [*words, "--help"] for words in HELP}
    found["ctal fit --help"] = ["fit", "--help"]
    found["ctal predict no.jpg (an error)"] = ["predict", "no.jpg"]
    if image:
        found["ctal predict photo.jpg"] = [
            *("predict", image, "--output", folder, "--overwrite"),
            *("--checkpoint", "nyuv2-lite0"),  # which both versions have
        ]
    return {title: ["-m", "ctal", *words] for title, words in found.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", type=Path, help="src of the other version")
    parser.add_argument("--image", help="image to predict")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    sources = list(versions(given.before).values())
    with tempfile.TemporaryDirectory() as folder:
        measured = {IMPORTS: ["-c", IMPORTS], **cases(given.image, folder)}
        found: dict[tuple[str, Path], list[float]] = {}
        for _ in range(given.rounds):
            for title, command in measured.items():
                for source in sources:
                    found.setdefault((title, source), []).append(seconds(command, source))
    print_head(
        "command", *(["before, s", "now, s", "now / before"] if given.before else ["now, s"])
    )
    for title in measured:
        medians = [statistics.median(found[title, source]) for source in sources]
        ratio = [f"{medians[-1] / medians[0]:.2f}"] if given.before else []
        print_row(title, *(f"{value:.2f}" for value in medians), *ratio)


if __name__ == "__main__":
    main()
