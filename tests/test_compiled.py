"""Compiled loops: their cache on disk."""

import errno
import importlib.util
import os

import numba
import numpy as np
import pytest

from ctal.compiled import compiled

SOURCE = """def loops(values):
    return values.sum() + 7
"""


@pytest.fixture
def loops(tmp_path, monkeypatch):
    """Return a short function in a module with its own cache."""
    file = tmp_path / "short.py"
    file.write_text(SOURCE)
    specification = importlib.util.spec_from_file_location("short", file)
    loaded = importlib.util.module_from_spec(specification)
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    specification.loader.exec_module(loaded)
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    return loaded.loops


def program(loops):
    """Return the loops, compiled or loaded from the cache, after a call."""
    found = compiled("float64(float64[::1])", loops)
    assert found(np.array([1.0, 2.0])) == 10
    return found


def cached_files(folder):
    return {file.suffix for file in folder.rglob("*.nb?")}


def test_the_second_process_loads_what_the_first_compiled(loops, tmp_path):
    assert not program(loops).stats.cache_hits
    assert cached_files(tmp_path / "__pycache__") == {".nbi", ".nbc"}
    assert sum(program(loops).stats.cache_hits.values()) == 1


def test_the_cache_of_the_user_is_used_if_the_package_is_not_writable(loops, tmp_path):
    (tmp_path / "__pycache__").write_text("not a directory")
    program(loops)
    assert cached_files(tmp_path / "user") == {".nbi", ".nbc"}


def test_there_is_no_cache_if_no_folder_is_writable(loops, tmp_path):
    for name in ("__pycache__", "user"):
        (tmp_path / name).write_text("not a directory")
    assert program(loops).stats.cache_path is None


@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
@pytest.mark.parametrize("content", [b"", b"damaged"])
def test_damaged_files_of_the_cache(loops, tmp_path, suffix, content):
    program(loops)
    (file,) = (tmp_path / "__pycache__").glob(f"*.{suffix}")
    file.write_bytes(content)
    program(loops)


def test_a_full_disk(loops, tmp_path, monkeypatch):
    def full(*names):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.replace", full)
    assert program(loops).stats.cache_path is None
    assert cached_files(tmp_path) == set()
