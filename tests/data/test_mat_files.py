import sys

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from ctal.data.mat_files import open_hdf5, pixel_rows, read_mat
from ctal.errors import InputError


def test_axes_are_transposed():
    stored = np.arange(24).reshape(2, 4, 3)  # HDF5 layout of images with 3 rows and 4 columns
    rows = pixel_rows(stored)
    assert rows.shape == (2, 3, 4)
    assert rows[1, 2, 3] == stored[1, 3, 2]
    assert rows.flags["C_CONTIGUOUS"]


def test_a_variable_is_read_and_a_missing_one_lists_the_others(tmp_path):
    savemat(tmp_path / "a.mat", {"LabelMap": np.eye(3, dtype="u2"), "other": 1})
    assert np.array_equal(read_mat(tmp_path / "a.mat", "LabelMap"), np.eye(3))
    with pytest.raises(InputError, match=r"a\.mat: expected the variable x, got LabelMap, other"):
        read_mat(tmp_path / "a.mat", "x")


def test_a_file_of_the_other_version_is_reported(tmp_path):
    savemat(tmp_path / "old.mat", {"images": np.ones(3)})
    with pytest.raises(InputError, match=r"old\.mat: .* version 7\.3 \(HDF5\), got: "):
        open_hdf5(tmp_path / "old.mat").__enter__()
    with h5py.File(tmp_path / "new.mat", "w", userblock_size=512) as file:
        file["images"] = np.ones(3)
    with (tmp_path / "new.mat").open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")
    with pytest.raises(InputError, match=r"new\.mat: expected a readable \.mat file") as caught:
        read_mat(tmp_path / "new.mat", "images")
    assert "\n" not in str(caught.value)


def test_missing_content_is_reported_with_the_file(tmp_path):
    with h5py.File(tmp_path / "a.mat", "w") as file:
        file["images"] = np.ones(3)
    with (
        pytest.raises(InputError, match=r"a\.mat: .*depths"),
        open_hdf5(tmp_path / "a.mat") as file,
    ):
        file["depths"]
    for read in (lambda path: read_mat(path, "x"), lambda path: open_hdf5(path).__enter__()):
        with pytest.raises(InputError, match=r"none\.mat: expected a \.mat file.*, not found"):
            read(tmp_path / "none.mat")


def test_a_missing_library_is_reported_with_the_install_command(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    with pytest.raises(InputError, match=r"requires h5py.*pip install 'ctal\[data\]'"):
        open_hdf5(tmp_path / "a.mat").__enter__()
    with pytest.raises(InputError, match=r"requires scipy.*pip install 'ctal\[data\]'"):
        read_mat(tmp_path / "a.mat", "x")
