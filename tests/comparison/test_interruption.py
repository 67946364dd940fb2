"""Comparisons that are restarted after their processes were killed."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from ctal.cli.compare import compare
from ctal.comparison.candidates import Plan
from ctal.training import callbacks, score_files
from ctal.training import checkpointing as checkpoints

ROOT = str(Path(__file__).parents[2])
KEYS = ["name", "runs", "mean", "spread", "delta_m", "delta_m_all_metrics", "parameters"]


def weights(folder, name="best"):
    file = folder / "checkpoints" / f"{name}.ckpt"
    content = torch.load(file, map_location="cpu", weights_only=True)
    return content["state_dict"], content["global_step"]


def assert_same_run(one, other):
    for kind in ("best", "last"):
        (a, step), (b, other_step) = (weights(folder, kind) for folder in (one, other))
        assert step == other_step
        assert a.keys() == b.keys()
        assert all(torch.equal(a[key], b[key]) for key in a)
    scores = [json.loads((f / "scores_val.json").read_text())["scores"] for f in (one, other)]
    assert scores[0] == scores[1]


def wait_until_gone(mark):
    """Wait until no process holds the lock that KillStarter took."""
    end = time.monotonic() + 30
    with mark.open() as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                assert time.monotonic() < end, "the run continues without the comparison"
                time.sleep(0.05)


def test_a_killed_parallel_comparison_resumes_and_equals_a_serial_one(
    configs, in_process, tmp_path, monkeypatch
):
    killing = "trainer.callbacks=tests.comparison.kill_starter.KillStarter"
    overrides = [killing, "trainer.callbacks.step=3"]
    command = ["compare", *configs, "--output", "killed", "--split", "val", "--parallel", "2"]
    arguments = [sys.executable, "-m", "ctal", *command, "--overrides", *overrides]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([ROOT, *sys.path])}
    done = subprocess.run(arguments, env=environment, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    marks = list(Path("killed").glob("*/seed0/killed"))
    assert marks
    for mark in marks:
        wait_until_gone(mark)
        assert weights(mark.parent, "last")[1] == 2  # the end of the first epoch
    assert not list(Path("killed").glob("*/seed0/scores_*"))

    for config in configs:  # neither should kill again
        Path("killed", Path(config).stem, "seed0", "killed").touch()
        Path("whole", Path(config).stem, "seed0").mkdir(parents=True)
        Path("whole", Path(config).stem, "seed0", "killed").touch()
    compare(configs, output="whole", overrides=overrides, split="val")  # only in this process
    assert [command[0] for command in in_process] == ["fit", "fit"]
    assert not list(Path("whole").rglob("log.txt"))
    monkeypatch.undo()  # the other in child processes
    monkeypatch.chdir(tmp_path)
    compare(configs, output="killed", overrides=overrides, split="val", parallel=2)
    logs = [Path("killed", name, "seed0", "log.txt").read_text() for name in ("shared", "single")]
    assert all(log.count("$ ctal fit") == 2 for log in logs)
    assert any("--ckpt_path last" in log for log in logs)
    for name in ("shared", "single"):
        assert_same_run(Path("killed", name, "seed0"), Path("whole", name, "seed0"))
    tables = [json.loads(Path(f, "comparison.json").read_text()) for f in ("killed", "whole")]
    rows = [[{key: row.get(key) for key in KEYS} for row in table["rows"]] for table in tables]
    assert rows[0] == rows[1]


class Killed(BaseException):
    """Exception that simulates the death of a process."""


class DyingWriter:
    """Writer that is killed after a number of files, leaving a partial file."""

    def __init__(self, write, allowed):
        self.write, self.allowed = write, allowed

    def __call__(self, path, content):
        if self.allowed[0] == 0:
            path.parent.mkdir(exist_ok=True)
            path.with_name(f".{path.name}.123.part").write_bytes(b"half")
            raise Killed
        self.allowed[0] -= 1
        self.write(path, content)


def test_a_process_may_be_killed_between_any_two_files(configs, complete_here):
    """The files are best.ckpt and last.ckpt of two epochs, and the scores on val and test."""

    def training(output):
        plan = Plan(Path(output), [0], ["trainer.max_epochs=2", "trainer.logger=false"], "test")
        return plan.trainings(Path("shared.yaml"))[0]

    whole = training("whole")
    complete_here([whole])
    for files in range(20):
        run = training(f"killed{files}")
        allowed = [files]
        with pytest.MonkeyPatch.context() as patch:
            for module, name in (
                (checkpoints, "write_whole"),
                (callbacks, "write_text"),
                (score_files, "write_text"),
            ):
                patch.setattr(module, name, DyingWriter(getattr(module, name), allowed))
            try:
                complete_here([run])
                break
            except Killed:
                pass
        complete_here([run])
        assert_same_run(run.folder, whole.folder)
        assert run.scores() == whole.scores()
        assert run.settings()["trainer"]["max_epochs"] == 2
        assert not list(run.folder.rglob("*.part"))
    assert files >= 5  # files written by a complete run
