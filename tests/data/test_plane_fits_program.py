"""The compiled loops of derived normals in threads and processes."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest

from ctal.data import Camera, plane_fits
from ctal.data.geometry import normals_from_depth

STARTS = multiprocessing.get_all_start_methods()


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
