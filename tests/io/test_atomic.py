import os
import subprocess
import sys
from pathlib import Path

import pytest

from ctal.errors import InputError
from ctal.io.atomic import remove_partial, write_text, write_whole


def test_write_creates_folders_and_leaves_one_file(tmp_path):
    write_text(tmp_path / "a" / "b" / "c.txt", "Δm ≥ 0")
    assert (tmp_path / "a" / "b" / "c.txt").read_text(encoding="utf-8") == "Δm ≥ 0"
    assert os.listdir(tmp_path / "a" / "b") == ["c.txt"]


def test_a_failed_write_preserves_the_old_file(tmp_path, monkeypatch):
    write_text(tmp_path / "a.txt", "old")

    def full(path, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(InputError, match=r"a\.txt: cannot be written \(No space left"):
        write_text(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_an_interrupted_write_preserves_the_old_file(tmp_path):
    write_text(tmp_path / "a.txt", "old")

    def interrupted(file):
        file.write(b"ne")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "a.txt", interrupted)
    assert (tmp_path / "a.txt").read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_file_in_place_of_a_folder_is_named(tmp_path):
    (tmp_path / "own.yaml").touch()
    reason = rf"photo\.npz: cannot be written \({tmp_path}/own\.yaml is a file\); choose another"
    with pytest.raises(InputError, match=reason):
        write_text(tmp_path / "own.yaml" / "new" / "photo.npz", "")


def test_content_is_synced_before_the_file_is_renamed(tmp_path, monkeypatch):
    """A crash of the machine after the renaming must not leave an empty file."""
    calls = []
    sync, replace = os.fsync, Path.replace
    monkeypatch.setattr("os.fsync", lambda number: (calls.append("sync"), sync(number)))
    monkeypatch.setattr(
        "pathlib.Path.replace", lambda one, two: (calls.append("rename"), replace(one, two))
    )
    write_text(tmp_path / "a.txt", "whole")
    assert calls == ["sync", "rename", "sync"]  # the last sync is that of the folder


def test_temporary_files_of_killed_processes_are_removed(tmp_path):
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    long = "n" * 150 + ".npz"
    gone = [f".a.npz.{ended.pid}.part", f".{long[:100]}.{ended.pid}.part"]
    kept = [f".a.npz.{os.getpid()}.part", f".b.npz.{ended.pid}.part", "a.npz", ".a.npz.part"]
    for name in gone + kept:
        (tmp_path / name).write_text("half")
    remove_partial([tmp_path / "a.npz", tmp_path / long, tmp_path / "missing" / "c.npz"])
    assert sorted(os.listdir(tmp_path)) == sorted(kept)
