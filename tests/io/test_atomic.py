import os

import pytest

from ctal.errors import InputError
from ctal.io.atomic import write_text, write_whole


def test_makes_folders_and_leaves_one_file(tmp_path):
    write_text(tmp_path / "a" / "b" / "c.txt", "Δm ≥ 0")
    assert (tmp_path / "a" / "b" / "c.txt").read_text(encoding="utf-8") == "Δm ≥ 0"
    assert os.listdir(tmp_path / "a" / "b") == ["c.txt"]


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    write_text(tmp_path / "a.txt", "old")

    def full(path, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(InputError, match=r"a\.txt: cannot be written \(No space left"):
        write_text(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_an_interrupted_write_leaves_the_old_file(tmp_path):
    write_text(tmp_path / "a.txt", "old")

    def interrupted(file):
        file.write(b"ne")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "a.txt", interrupted)
    assert (tmp_path / "a.txt").read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]
