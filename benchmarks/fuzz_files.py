"""Replace every value in files that others give by hostile ones, and load the files.

    python -m benchmarks.fuzz_files               # 2,000 files
    python -m benchmarks.fuzz_files --count 200   # a sample

From valid files (config.json of a saved network, the header of its weights, a checkpoint, the
description of prepared arrays, a configuration of `ctal fit`) files are made in which one value is
replaced by one of `HOSTILE`. Each is loaded in a process of its own, with a limit of 1 GiB beyond
the memory of the process and of 10 seconds. A network that loads must predict an image and write
its model card; a configuration must train one step.

A file passes if it is loaded, or refused by one line (`InputError`, exit code 2). Any other
exception is a fault, as are a crash, and reaching the limit of time. `--show` prints the faults.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import io
import json
import math
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
import yaml

import ctal
from ctal.cli import main as ctal_main
from ctal.errors import InputError
from ctal.inference import Model
from ctal.networks import CTALNet
from ctal.profiling.cost import machine
from ctal.tasks import Depth, SemanticSegmentation

DEEP = "@deep@"
"""Stands for a list of 100,000 levels, which is put in its place in the text of a file."""

HOSTILE: list[Any] = [
    *(None, True, -1, 0, 10**9, 2**70, 0.5, 1e308, math.nan, math.inf),
    *("", "x" * 10_000, "../../etc/passwd", "os.system", "\0\ud800", DEEP),
    *([], [1] * 3, {}, {"class_path": "os.system", "path": [None]}),
]
SECONDS = 10
MEMORY = 2**30
Place = tuple[Any, ...]


class Kind(NamedTuple):
    """A kind of file.

    Attributes:
        content: the values of a valid file.
        write: writes changed values to a folder.
        load: loads what is in the folder.
    """

    content: Any
    write: Callable[[Any, Path], None]
    load: Callable[[Path], None]


def places(value: Any, place: Place = ()) -> Iterator[Place]:
    """Yield the place of every value in nested mappings and lists."""
    items = list(value.items()) if isinstance(value, dict) else []
    items = list(enumerate(value)) if isinstance(value, list) else items
    for key, entry in items:
        yield (*place, key)
        yield from places(entry, (*place, key))


def replaced(content: Any, place: Place, value: Any) -> Any:
    """Return a copy of nested values in which one is replaced."""
    content = copy.deepcopy(content)
    target = content
    for key in place[:-1]:
        target = target[key]
    target[place[-1]] = value
    return content


def as_json(content: Any) -> bytes:
    """Return values as JSON, with infinity and NaN as Python writes them."""
    text = json.dumps(content)
    return text.replace(f'"{DEEP}"', "[" * 100_000 + "]" * 100_000).encode()


def load_network(path: Path) -> None:
    """Load a network, predict an image and write the network with its card."""
    model = ctal.load(path)
    model.predict(torch.zeros(3, 24, 40, dtype=torch.uint8))
    model.save_pretrained(path.parent / "again")


def saved_network(folder: Path, name: str) -> Kind:
    """Write a saved network and return the kind of one of its two files."""
    torch.manual_seed(0)
    tasks = [SemanticSegmentation(4), Depth()]
    network = CTALNet(tasks, "test_resnet", image_size=(32, 64), channels=8)
    about = {
        "data": {"train": "Rooms"},
        "training": {"epochs": 2, "augmentation": ["RandomCrop"]},
        "scores": {"semseg/mIoU": 0.5, "depth/RMSE": None},
        "scored on": "val",
    }
    Model(network, "cpu", about).save_pretrained(folder)
    weights = (folder / "model.safetensors").read_bytes()
    end = 8 + int.from_bytes(weights[:8], "little")
    valid = (folder / "config.json").read_bytes()

    def write_config(content: Any, place: Path) -> None:
        (place / "model.safetensors").write_bytes(weights)
        (place / "config.json").write_bytes(as_json(content))

    def write_weights(content: Any, place: Path) -> None:
        header = as_json(content)
        size = len(header).to_bytes(8, "little")
        (place / "model.safetensors").write_bytes(size + header + weights[end:])
        (place / "config.json").write_bytes(valid)

    if name == "config.json":
        return Kind(json.loads(valid), write_config, load_network)
    return Kind(json.loads(weights[8:end]), write_weights, load_network)


CONFIG: dict[str, Any] = {
    "seed_everything": 1,
    "trainer": {"max_epochs": 1, "logger": False, "limit_val_batches": 1, "precision": 32},
    "model": {
        "network": {
            "class_path": "ctal.networks.CTALNet",
            "init_args": {"encoder": "test_resnet", "channels": 8},
        },
        "optimizer": {"class_path": "torch.optim.Adam", "init_args": {"lr": 0.001}},
    },
    "data": {
        "train": {"class_path": "ctal.data.Rooms", "init_args": {"split": "train"}},
        "image_size": [32, 64],
        "batch_size": 2,
    },
}


def configuration() -> Kind:
    """Return the kind of configurations of `ctal fit`."""

    def write(content: Any, place: Path) -> None:
        text = yaml.safe_dump(content).encode("utf-8", "surrogatepass")
        deep = b"[" * 100_000 + b"]" * 100_000
        text = text.replace(f"'{DEEP}'".encode(), deep).replace(DEEP.encode(), deep)
        (place / "config.yaml").write_bytes(text)

    def load(place: Path) -> None:
        # of the values that a valid file may have, some train for years
        options = ["--trainer.max_steps=1", "--trainer.accelerator=cpu"]
        options += ["--trainer.enable_progress_bar=false", "--trainer.enable_model_summary=false"]
        options += [f"--trainer.default_root_dir={place / 'run'}"]
        code = ctal_main(["fit", "--config", str(place / "config.yaml"), *options])
        if code:
            raise InputError(f"exit code {code}")

    return Kind(CONFIG, write, load)


def checkpoint(folder: Path) -> Kind:
    """Train one step, and return the kind of checkpoints."""
    kind = configuration()
    kind.write(CONFIG, folder)
    kind.load(folder)
    content = torch.load(folder / "run/checkpoints/last.ckpt", weights_only=True)

    def write(content: Any, place: Path) -> None:
        torch.save(content, place / "file.ckpt")

    return Kind(content, write, lambda place: load_network(place / "file.ckpt"))


def arrays(folder: Path) -> Kind:
    """Prepare arrays, and return the kind of their description."""
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump(CONFIG))
    prepared = folder / "prepared"
    ctal_main(
        ["data", "prepare", "--config", str(config), "--output", str(prepared), "--split", "train"]
    )
    description = next(prepared.rglob("dataset.json"))

    def write(content: Any, place: Path) -> None:
        for file in description.parent.rglob("*.npy"):
            target = place / file.relative_to(description.parent)
            target.parent.mkdir(exist_ok=True, parents=True)
            target.symlink_to(file)
        (place / "dataset.json").write_bytes(as_json(content))

    def load(place: Path) -> None:
        dataset = ctal.data.PreparedArrays(place)
        dataset[0]
        dataset[len(dataset) - 1]

    return Kind(json.loads(description.read_text()), write, load)


KINDS: dict[str, Callable[[Path], Kind]] = {
    "config.json": lambda folder: saved_network(folder, "config.json"),
    "safetensors": lambda folder: saved_network(folder, "model.safetensors"),
    "checkpoint": checkpoint,
    "dataset.json": arrays,
    "configuration": lambda folder: configuration(),
}


def tried(kind: Kind, content: Any, folder: Path) -> str:
    """Load a file in a process of its own; return "loaded", "refused" or the fault."""
    report = folder / "fault.txt"
    child = os.fork()
    if child == 0:
        _limit()
        os._exit(_outcome(kind, content, folder, report))
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return "over 10 s" if number == signal.SIGALRM else signal.Signals(number).name
    code = os.WEXITSTATUS(status)
    return {0: "loaded", 2: "refused"}.get(code) or report.read_text(errors="replace")


def _limit() -> None:
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, size + MEMORY))
    # processor time, since the machine may be busy with something else
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 1))
    signal.signal(signal.SIGXCPU, lambda *_: os.kill(os.getpid(), signal.SIGALRM))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)


def _outcome(kind: Kind, content: Any, folder: Path, report: Path) -> int:
    place = folder / "file"
    place.mkdir()
    os.chdir(folder)
    try:
        kind.write(content, place)
    except Exception:  # this format cannot hold such a value
        return 2
    try:
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            kind.load(place)
    except InputError as error:
        report.write_text(str(error), errors="replace")
        return 2 if "\n" not in str(error) else _reported(report)
    except BaseException:
        return _reported(report)
    return 0


def _reported(report: Path) -> int:
    report.write_text(traceback.format_exc(), errors="replace")
    return 1


def main() -> None:
    """Fuzz and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="one kind of file")
    parser.add_argument("--show", action="store_true", help="print the faults")
    args = parser.parse_args()
    print(f"{machine(torch.device('cpu'))}, {time.strftime('%Y-%m-%d')}\n")
    print("| file | values | tried | loaded | refused in one line | faults |")
    print("|---|---|---|---|---|---|")
    for key in KINDS if args.only is None else [args.only]:
        with tempfile.TemporaryDirectory() as name:
            base = Path(name)
            (base / "valid").mkdir()
            fuzzed(key, KINDS[key](base / "valid"), args.count // len(KINDS), base, args)


def made(folder: Path) -> Path:
    """Return an empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def cases(several: list[Place], count: int, chance: random.Random) -> list[tuple[Place, Any]]:
    """Choose places and hostile values; entries of long lists and mappings share their chances."""
    groups: dict[Place, list[Place]] = {}
    for place in several:
        parents = tuple("*" if isinstance(key, int) else key for key in place[:-1])
        alike = (
            (*parents, place[-1]) if "." not in str(place) else (place[0], len(place), place[-1])
        )
        groups.setdefault(alike, []).append(place)
    every = [(alike, value) for alike in groups for value in HOSTILE]
    chance.shuffle(every)
    several_rounds = every * (1 + count // len(every))
    return [(chance.choice(groups[alike]), value) for alike, value in several_rounds[:count]]


def fuzzed(key: str, kind: Kind, count: int, base: Path, args: argparse.Namespace) -> None:
    """Try files of one kind, chosen at random, and print a row."""
    several = list(places(kind.content))
    chosen = cases(several, count, random.Random(args.seed))
    found: Counter[str] = Counter()
    valid = tried(kind, kind.content, made(base / "try"))
    if valid != "loaded":
        raise RuntimeError(f"{key}: the valid file was not loaded: {valid}")
    for place, value in chosen:
        folder = made(base / "try")
        result = tried(kind, replaced(kind.content, place, value), folder)
        fault = result not in ("loaded", "refused")
        found["fault" if fault else result] += 1
        if fault and args.show:
            print(f"{place} = {str(value)[:50]!r}: {result[-1500:]}", file=sys.stderr, flush=True)
    numbers = [len(several), len(chosen), found["loaded"], found["refused"], found["fault"]]
    print(f"| {key} |", " | ".join(map(str, numbers)), "|", flush=True)


if __name__ == "__main__":
    main()
