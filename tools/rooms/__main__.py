"""Command line: ``python -m tools.rooms --out src/ctal/data/rooms``."""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import mitsuba

from tools.rooms import files
from tools.rooms.layout import SEED
from tools.rooms.make import HEIGHT, WIDTH, make_scene
from tools.rooms.parts import CLASSES


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.rooms", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="output folder; rerun to resume")
    parser.add_argument(
        "--scenes", type=int, nargs=3, default=[80, 16, 16], metavar=("TRAIN", "VAL", "TEST"),
        help="scenes per split (default: 80 16 16)",
    )  # fmt: skip
    parser.add_argument("--views", type=int, default=4, help="views per scene (default: 4)")
    parser.add_argument("--spp", type=int, default=36, help="samples per pixel (default: 36)")
    parser.add_argument("--workers", type=int, default=2, help="processes (default: 2)")
    return parser.parse_args()


def main() -> None:
    """Render the dataset and write its card."""
    args = parse()
    splits = [
        name
        for name, n in zip(("train", "val", "test"), args.scenes, strict=True)
        for _ in range(n)
    ]
    cameras: dict[str, dict[str, float | str]] = {}
    # spawn, since renderer threads do not survive a fork
    with ProcessPoolExecutor(args.workers, mp_context=get_context("spawn")) as pool:
        jobs = [
            pool.submit(make_scene, scene, split, args.out, args.views, args.spp)
            for scene, split in enumerate(splits)
        ]
        for scene, job in enumerate(jobs):
            cameras.update(job.result())
            print(f"scene {scene + 1} of {len(jobs)}", flush=True)
    card: dict[str, Any] = {
        "name": "Rooms",
        "classes": list(CLASSES),
        "height": HEIGHT,
        "width": WIDTH,
        "views": {s: args.views * splits.count(s) for s in ("train", "val", "test")},
        "seed": SEED,
        "spp": args.spp,
        "mitsuba": mitsuba.__version__,
        "cameras": cameras,
    }
    files.write_card(args.out, card)


if __name__ == "__main__":
    main()
