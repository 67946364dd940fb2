"""Interrupt a training run at random times, resume it, and compare the final weights bitwise.

    python -m benchmarks.faults              # 30 interruptions, about 10 minutes on one core
    python -m benchmarks.faults --count 6    # fewer

A small network is first trained without interruption. Then runs of the same config are interrupted
by one of: SIGKILL, SIGTERM, SIGHUP, a full disk, a folder that becomes read-only. Each run is
resumed until it is complete. A run is bit-identical if every tensor of its last checkpoint
(weights, statistics of normalization layers, state of optimizer and schedule) equals that of the
uninterrupted run.

The full disk and the read-only folder require root, to mount a small tmpfs. Without root they are
skipped and marked in the table.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import yaml

from ctal.profiling.cost import machine

CONFIG: dict[str, Any] = {
    "seed_everything": 1,
    "trainer": {
        "max_epochs": 4,
        "accelerator": "cpu",
        "logger": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "limit_val_batches": 1,
    },
    "model": {
        "network": {
            "class_path": "ctal.networks.CTALNet",
            "init_args": {"encoder": "test_resnet", "channels": 8},
        },
        "optimizer": {"class_path": "torch.optim.Adam", "init_args": {"lr": 0.001}},
        "lr_scheduler": {
            "class_path": "torch.optim.lr_scheduler.CosineAnnealingLR",
            "init_args": {"T_max": 4},
        },
    },
    "data": {
        "train": {"class_path": "ctal.data.Rooms", "init_args": {"split": "train"}},
        "val": {"class_path": "ctal.data.Rooms", "init_args": {"split": "val"}},
        "image_size": [32, 64],
        "batch_size": 8,
    },
}
KINDS = ("SIGKILL", "SIGTERM", "SIGHUP", "full disk", "read-only folder")
ATTEMPTS = 5
"""Maximum number of restarts of a run."""


def start(run: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start the training in folder `run`, or resume it from its last checkpoint."""
    config = log.with_suffix(".yaml")
    config.write_text(yaml.safe_dump(CONFIG))
    command = [sys.executable, "-m", "ctal", "fit", "--config", str(config)]
    command += ["--trainer.default_root_dir", str(run)]
    if (run / "checkpoints" / "last.ckpt").is_file():
        command += ["--ckpt_path", "last"]
    with log.open("ab") as output:
        return subprocess.Popen(
            command, stdout=output, stderr=output, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )


def tensors(value: Any, path: str = "") -> Iterator[tuple[str, bytes | str]]:
    """Yield the leaves of a checkpoint by path: bytes of tensors, `repr` of other values."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from tensors(item, f"{path}/{key}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from tensors(item, f"{path}/{index}")
    else:
        is_tensor = isinstance(value, torch.Tensor)
        yield path, value.contiguous().numpy().tobytes() if is_tensor else repr(value)


def state_of(run: Path) -> dict[str, bytes | str]:
    """Read the state to resume from out of a run's last checkpoint."""
    file = run / "checkpoints" / "last.ckpt"
    content = torch.load(file, map_location="cpu", weights_only=True)
    keys = ("state_dict", "optimizer_states", "lr_schedulers", "epoch", "global_step")
    return dict(tensors({key: content[key] for key in keys}))


def interrupt(kind: str, run: Path, process: subprocess.Popen[bytes], after: float) -> None:
    """Interrupt a training run in the given way, `after` seconds after its start."""
    time.sleep(after)
    if kind.startswith("SIG"):
        process.send_signal(signal.Signals[kind])
    elif kind == "full disk":
        with (run.parent / "ballast").open("wb", buffering=0) as ballast:
            try:
                while ballast.write(bytes(1 << 16)):
                    pass
            except OSError:  # the disk is full
                pass
    else:
        remount(run.parent, "ro")


def recover(kind: str, run: Path) -> None:
    """Undo what `interrupt` did to the disk."""
    if kind == "full disk":
        (run.parent / "ballast").unlink(missing_ok=True)
    elif kind == "read-only folder":
        remount(run.parent, "rw")


def remount(folder: Path, mode: str) -> None:
    """Remount a tmpfs, read-only or writable."""
    # a file that is open for writing keeps the file system busy, so wait until it is closed
    for _ in range(6000):
        if subprocess.run(["mount", "-o", f"remount,{mode}", folder], stderr=-3).returncode == 0:
            return
        time.sleep(0.01)
    raise RuntimeError(f"{folder}: cannot be mounted {mode}")


@contextmanager
def small_disk(folder: Path, *, mounted: bool) -> Iterator[Path]:
    """Create a folder, on a tmpfs of 64 MiB if `mounted`."""
    folder.mkdir()
    if mounted:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        if mounted:
            subprocess.run(["umount", "-l", folder], check=True)


def trial(kind: str, folder: Path, seconds: float, expected: dict[str, bytes | str]) -> str:
    """Interrupt a run, resume it until it is complete, and return the outcome as text."""
    with small_disk(folder, mounted=not kind.startswith("SIG")):
        run, log = folder / "run", folder.with_suffix(".log")
        process = start(run, log)
        interrupt(kind, run, process, random.uniform(0.1, 1) * seconds)
        process.wait(timeout=600)
        recover(kind, run)
        if b"Traceback" in log.read_bytes():
            return "traceback"
        for _ in range(ATTEMPTS):
            if done(run):
                break
            process = start(run, log)
            process.wait(timeout=600)
        if not done(run):
            return "not resumed"
        if list((run / "checkpoints").glob("*.part*")):
            return "half-written file left"
        return "bit-identical" if state_of(run) == expected else "other weights"


def done(run: Path) -> bool:
    """Return whether a run is complete."""
    return (run / "training.json").is_file()


def main() -> None:
    """Interrupt runs in all ways in turn, and print a table of the outcomes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--count", type=int, default=30, help="number of interruptions")
    parser.add_argument("--seed", type=int, default=0, help="seed of the interruption times")
    arguments = parser.parse_args()
    random.seed(arguments.seed)
    kinds = KINDS if hasattr(os, "geteuid") and os.geteuid() == 0 else KINDS[:3]
    outcomes: dict[str, Counter[str]] = {kind: Counter() for kind in kinds}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        started = time.monotonic()
        if start(folder / "whole", folder / "whole.log").wait(timeout=600):
            sys.exit((folder / "whole.log").read_text())
        seconds, expected = time.monotonic() - started, state_of(folder / "whole")
        for index in range(arguments.count):
            kind = kinds[index % len(kinds)]
            outcome = trial(kind, folder / f"disk{index}", seconds, expected)
            outcomes[kind][outcome] += 1
            print(f"{index + 1:3} {kind:<17} {outcome}", flush=True)
            if outcome != "bit-identical":
                print((folder / f"disk{index}.log").read_text()[-2000:], flush=True)
    print_table(outcomes)


def print_table(outcomes: dict[str, Counter[str]]) -> None:
    """Print how many runs per kind of interruption are bit-identical to the uninterrupted run."""
    print(f"\n{machine(torch.device('cpu'))}\n")
    print("| interruption | runs | bit-identical | other |\n|---|---|---|---|")
    for kind, counts in outcomes.items():
        others = {words: number for words, number in counts.items() if words != "bit-identical"}
        print(f"| {kind} | {counts.total()} | {counts['bit-identical']} | {others or 'none'} |")
    for kind in set(KINDS) - set(outcomes):
        print(f"| {kind} | not run (needs root) | | |")


if __name__ == "__main__":
    main()
