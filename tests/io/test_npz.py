import io

import numpy as np
import pytest

from ctal.io import npz
from ctal.io.npz import write_npz


@pytest.fixture
def arrays():
    random = np.random.default_rng(0)
    return {
        "ids": random.integers(0, 9, (40, 30)).astype(np.uint8),
        "halves": random.normal(size=(40, 30)).astype(np.float16),
        "columns": np.asfortranarray(random.normal(size=(40, 30, 3))),
        "text": np.array("a/ü.jpg"),
        "nothing": np.zeros((0, 3)),
    }


def test_numpy_reads_what_was_written(arrays):
    file = io.BytesIO()
    write_npz(file, arrays)
    file.seek(0)
    with np.load(file, allow_pickle=False) as content:
        assert content.files == list(arrays)
        for name, values in arrays.items():
            assert content[name].dtype == values.dtype
            assert np.array_equal(content[name], values)


def test_a_check_ends_the_writing_at_any_block(arrays):
    blocks = []
    write_npz(io.BytesIO(), arrays, lambda: blocks.append(0))
    assert len(blocks) >= 2 * len(arrays) - 1  # a header and the values, if there are any
    for stop in range(len(blocks)):
        remaining = iter(range(stop))
        with pytest.raises(StopIteration):
            write_npz(io.BytesIO(), arrays, lambda rest=remaining: next(rest))


def test_arrays_of_objects_are_refused():
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        npz.write_npz(io.BytesIO(), {"a": np.array([object()])})
