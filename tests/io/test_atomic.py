import os
from pathlib import Path

import pytest

from ctal.errors import InputError
from ctal.io.atomic import write_text, write_whole


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
