"""The compiled loops of derived normals: their cache on disk, threads and processes."""

import errno
import importlib.util
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numba
import numpy as np
import pytest

from ctal.data import Camera, plane_fits
from ctal.data.geometry import normals_from_depth

STARTS = multiprocessing.get_all_start_methods()
ARGUMENTS = (
    np.zeros((3, 3), np.float32),
    np.arange(2),
    np.zeros(2, np.float32),
    np.zeros(4),
)
SOURCE = """import numpy as np

def loops(padded, offsets, tolerances, camera):
    return np.full((1, len(offsets), 3), 7, np.float32)
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Replace the loops by short ones, compiled faster, in a module with its own cache."""
    file = tmp_path / "short.py"
    file.write_text(SOURCE)
    specification = importlib.util.spec_from_file_location("short", file)
    loaded = importlib.util.module_from_spec(specification)
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    specification.loader.exec_module(loaded)
    monkeypatch.setattr(plane_fits, "_normals", loaded.loops)
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    return tmp_path


def compiled():
    """Return the short loops, compiled or loaded from the cache, after a call."""
    program = plane_fits._program.__wrapped__()
    assert (program(*ARGUMENTS) == np.full((1, 2, 3), 7)).all()
    return program


def cached_files(folder):
    return {file.suffix for file in folder.rglob("*.nb?")}


def test_the_second_process_loads_what_the_first_compiled(module):
    assert not compiled().stats.cache_hits
    assert cached_files(module / "__pycache__") == {".nbi", ".nbc"}
    assert sum(compiled().stats.cache_hits.values()) == 1


def test_the_cache_of_the_user_is_used_if_the_package_is_not_writable(module):
    (module / "__pycache__").write_text("not a directory")
    compiled()
    assert cached_files(module / "user") == {".nbi", ".nbc"}


def test_there_is_no_cache_if_no_folder_is_writable(module):
    for name in ("__pycache__", "user"):
        (module / name).write_text("not a directory")
    assert compiled().stats.cache_path is None


@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
@pytest.mark.parametrize("content", [b"", b"damaged"])
def test_damaged_files_of_the_cache(module, suffix, content):
    compiled()
    (file,) = (module / "__pycache__").glob(f"*.{suffix}")
    file.write_bytes(content)
    compiled()


def test_a_full_disk(module, monkeypatch):
    def full(*names):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.replace", full)
    assert compiled().stats.cache_path is None
    assert cached_files(module) == set()


def normals(seed):
    depth = np.random.default_rng(seed).uniform(2, 2.05, (60, 90)).astype(np.float32)
    return normals_from_depth(depth, Camera(80, 80, 45, 30))


def test_threads():
    expected = [normals(seed) for seed in range(8)]
    plane_fits._program.cache_clear()  # so that all threads compile, or load
    with ThreadPoolExecutor(4) as threads:
        assert all(map(np.array_equal, threads.map(normals, range(8)), expected))


@pytest.mark.parametrize("start", sorted({"fork", "spawn"} & set(STARTS)))
def test_worker_processes(start):
    expected = [normals(seed) for seed in range(4)]
    context = multiprocessing.get_context(start)
    with ProcessPoolExecutor(1, mp_context=context) as processes:
        assert all(map(np.array_equal, processes.map(normals, range(4)), expected))
