"""Small files in the official layout of NYUv2."""

import h5py
import numpy as np
from scipy.io import savemat

COUNT, HEIGHT, WIDTH = 5, 12, 16


def make_pictures():
    """Return uint8 (N, H, W, 3), meters (N, H, W), labels 0..894 (N, H, W), as in MATLAB."""
    rng = np.random.default_rng(0)
    return (
        rng.integers(0, 256, (COUNT, HEIGHT, WIDTH, 3)).astype(np.uint8),
        rng.uniform(0.7, 10, (COUNT, HEIGHT, WIDTH)).astype(np.float32),
        rng.integers(0, 895, (COUNT, HEIGHT, WIDTH)).astype(np.uint16),
    )


def save_mat(folder, images, depths, labels):
    """Write a .mat file of version 7.3: a MATLAB header of 512 bytes, then HDF5, axes reversed."""
    path = folder / "nyu_depth_v2_labeled.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        file["images"] = images.transpose(0, 3, 2, 1)
        file["depths"] = depths.transpose(0, 2, 1)
        file["labels"] = labels.transpose(0, 2, 1)
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")
    return path


def save_splits(folder, train=(1, 4, 5), test=(2, 3)):
    columns = {"trainNdxs": np.array(train)[:, None], "testNdxs": np.array(test)[:, None]}
    savemat(folder / "splits.mat", {key: value.astype(float) for key, value in columns.items()})


def write_nyuv2_mat(folder, pictures=None):
    save_mat(folder, *(pictures or make_pictures()))
    save_splits(folder)
    return folder
