import errno
import os
import signal
import subprocess
import sys

import pytest

from ctal.errors import InputError
from ctal.io.run_folder import RunFolder

HOLD = """
import sys, time, os
from pathlib import Path
from ctal.io.run_folder import RunFolder
with RunFolder(sys.argv[1]).locked():
    if sys.argv[2] == "fork" and os.fork() == 0:
        os.write(1, b"%d\\n" % os.getpid())  # in one piece: two processes write to this pipe
    else:
        os.write(1, b"held\\n")
    time.sleep(60)
"""


def hold(folder, mode=""):
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), mode],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    lines = [child.stdout.readline().decode().strip() for _ in range(2 if mode else 1)]
    return child, next((int(line) for line in lines if line.isdecimal()), None)


@pytest.fixture(params=["locks", "no locks"])
def system(request, monkeypatch):
    """Emulate also a file system without locks, such as some network folders."""
    if request.param == "no locks":

        def unsupported(*arguments):
            raise OSError(errno.ENOLCK, "No locks available")

        monkeypatch.setattr("fcntl.lockf", unsupported)


def test_a_lock_excludes_others_and_ends_with_its_process(tmp_path, system):
    folder = RunFolder(tmp_path / "run")
    child, _ = hold(folder.path)
    in_use = pytest.raises(InputError, match="run: another command writes to this folder")
    with in_use, folder.locked():
        pass
    child.send_signal(signal.SIGKILL)
    child.wait()
    with folder.locked():
        assert (folder.path / ".lock").exists()
        with pytest.raises(InputError, match="another command"), RunFolder(folder.path).locked():
            pass
    assert os.listdir(folder.path) == []


def test_a_data_worker_that_outlives_its_run_does_not_hold_the_lock(tmp_path):
    child, worker = hold(tmp_path, "fork")
    child.send_signal(signal.SIGKILL)
    child.wait()
    try:
        os.kill(worker, 0)  # it is running
        with RunFolder(tmp_path).locked():
            pass
    finally:
        os.kill(worker, signal.SIGKILL)


def test_only_partial_files_of_a_killed_run_are_removed(tmp_path):
    folder = RunFolder(tmp_path)
    folder.last.parent.mkdir()
    gone = [".config.yaml.7.part", "checkpoints/.last.ckpt.12.part", ".scores_val.json.1.part"]
    kept = [".mine.part", ".last.ckpt.part", "best.ckpt.7.part", ".other.txt.3.part"]
    for name in gone + kept:
        (tmp_path / name).write_text("half")
    with folder.locked():
        left = {path.name for path in tmp_path.rglob("*.part")}
    assert left == set(kept)


def test_an_unwritable_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(InputError, match="cannot be written"),
        RunFolder(tmp_path / "file").locked(),
    ):
        pass


def test_paths_of_the_files(tmp_path):
    folder = RunFolder("runs/a")
    assert folder.best.parts == ("runs", "a", "checkpoints", "best.ckpt")
    assert RunFolder.of_checkpoint(folder.last).path == folder.path
    assert folder.scores("test").name == "scores_test.json"
    assert folder.resume_command() == "ctal fit --config runs/a/config.yaml --ckpt_path last"
