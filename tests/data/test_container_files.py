"""Arrays in .npz, HDF5 and EXR files, by name; and files that must not be trusted."""

import struct
import zipfile

import numpy as np
import pytest

from ctal.data import FolderDataset, MapFiles
from ctal.data.array_files import read_array, read_float_image
from ctal.errors import InputError
from ctal.tasks import Depth, SurfaceNormals

h5py = pytest.importorskip("h5py", reason="of the extra `data`")
OpenEXR = pytest.importorskip("OpenEXR", reason="of the extra `data`")
VALUES = np.arange(6, dtype=np.float32).reshape(2, 3)


def write_exr(path, channels, **header):
    kind = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(kind | header, channels).write(str(path))
    return path


def write_hdf5(path, **datasets):
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            file[name.replace("__", "/")] = values
    return path


def test_arrays_are_chosen_by_key(tmp_path):
    np.savez(tmp_path / "a.npz", depth=VALUES, other=VALUES[:1])
    write_hdf5(tmp_path / "a.h5", maps__depth=VALUES, maps__other=VALUES[:1])
    write_exr(tmp_path / "a.EXR", {"Z": VALUES, "N": VALUES + 1})
    for name, key in [("a.npz", "depth"), ("a.h5", "maps/depth"), ("a.h5", "/maps/depth/")]:
        assert np.array_equal(read_array(tmp_path / name, key=key), VALUES)
    assert np.array_equal(read_array(tmp_path / "a.EXR", key="N"), VALUES + 1)
    depth = MapFiles(Depth(), "{name}", key="maps/depth").read(tmp_path / "a.h5")
    assert depth[0].tolist() == VALUES.tolist()


def test_the_only_array_needs_no_key(tmp_path):
    write_hdf5(tmp_path / "a.hdf5", group__dataset=VALUES.astype(np.float16))
    assert read_array(tmp_path / "a.hdf5").dtype == np.float16
    assert np.array_equal(read_array(tmp_path / "a.hdf5"), VALUES)
    write_exr(tmp_path / "y.exr", {"Y": VALUES.astype(np.float16)})
    assert np.array_equal(read_array(tmp_path / "y.exr"), VALUES)
    colors = np.stack([VALUES, VALUES + 10, VALUES + 20], axis=-1)
    write_exr(tmp_path / "rgb.exr", {"RGB": colors})
    assert np.array_equal(read_array(tmp_path / "rgb.exr"), colors)
    assert np.array_equal(read_array(tmp_path / "rgb.exr", key="G"), VALUES + 10)
    alpha = np.concatenate([colors, colors[..., :1]], axis=-1)
    write_exr(tmp_path / "rgba.exr", {"RGBA": alpha})
    assert np.array_equal(read_array(tmp_path / "rgba.exr"), colors)


@pytest.mark.parametrize(
    ("name", "key", "message"),
    [
        ("a.npz", None, r"expected one array, or `key`.* got 2: \['depth', 'other'\]"),
        ("a.npz", "z", r"key: expected one of \['depth', 'other'\], got 'z'"),
        ("a.h5", None, r"expected `key`, .*one of maps/depth, maps/other"),
        ("a.h5", "z", r"key: expected the name of a dataset, 'z', got maps/depth, maps/other"),
        ("a.h5", "maps", r".*got the group 'maps'; there are maps/depth"),
        ("a.h5", "maps/depth/x", r".*'maps/depth/x', got maps/depth"),
        ("a.exr", None, r"expected `key`, .*channel .*one of N, Z"),
        ("a.exr", "R", r"key: expected a channel, N, Z, got 'R'"),
        ("a.npy", "z", r"key: expected an \.npz, HDF5 or EXR file, got \.npy"),
    ],
)
def test_the_error_of_a_wrong_or_missing_key_lists_the_available_ones(tmp_path, name, key, message):
    np.save(tmp_path / "a.npy", VALUES)
    np.savez(tmp_path / "a.npz", depth=VALUES, other=VALUES)
    write_hdf5(tmp_path / "a.h5", maps__depth=VALUES, maps__other=VALUES)
    write_exr(tmp_path / "a.exr", {"Z": VALUES, "N": VALUES})
    with pytest.raises(InputError, match=rf"{name}: {message}"):
        read_array(tmp_path / name, key=key)


def test_an_image_may_be_in_the_file_of_its_maps(tmp_path):
    image = np.full((2, 3, 3), 51, np.uint8)
    normals = np.zeros((2, 3, 3)) - [0, 0, 1]
    write_hdf5(tmp_path / "s.h5", color=image, depth=VALUES, normals=normals)
    maps = [
        MapFiles(Depth(), "{name}.h5", key="depth"),
        MapFiles(SurfaceNormals(), "{name}.h5", key="normals"),
    ]
    dataset = FolderDataset(tmp_path, "{name}.h5", maps, image_key="color")
    assert dataset[0]["image"].unique().tolist() == pytest.approx([0.2])
    assert dataset[0]["depth"][0].tolist() == VALUES.tolist()
    np.savez(tmp_path / "s.npz", color=image, depth=VALUES)
    assert read_float_image(tmp_path / "s.npz", "color").shape == (3, 2, 3)


def test_nothing_outside_an_hdf5_file_is_read(tmp_path):
    secret = write_hdf5(tmp_path / "secret.h5", a=VALUES)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["link"] = h5py.ExternalLink(str(secret), "a")
        file["soft"] = h5py.SoftLink("/link")
        layout = h5py.VirtualLayout(shape=(2, 3), dtype="f4")
        layout[:] = h5py.VirtualSource(str(secret), "a", shape=(2, 3))
        file.create_virtual_dataset("virtual", layout)
        raw = [(str(tmp_path / "raw.bin"), 0, 24)]
        file.create_dataset("external", (2, 3), "f4", external=raw)
    for key, found in [("link", "ExternalLink"), ("soft", "SoftLink"), ("virtual", "of another")]:
        with pytest.raises(InputError, match=rf"a\.h5: .*got .*{found}"):
            read_array(tmp_path / "a.h5", key=key)
    with pytest.raises(InputError, match="got float32 of another file"):
        read_array(tmp_path / "a.h5", key="external")


def test_a_small_file_that_claims_a_large_array_is_refused(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("a", (1 << 20, 1 << 20), "f4", chunks=(64, 64))
    assert (tmp_path / "a.h5").stat().st_size < 1 << 16
    with pytest.raises(InputError, match=r"a\.h5: expected an array of at most 2 GiB, got 4"):
        read_array(tmp_path / "a.h5")
    write_exr(tmp_path / "a.exr", {"Z": VALUES})
    content = (tmp_path / "a.exr").read_bytes()
    large = struct.pack("<4i", 0, 0, 99999, 99999)
    (tmp_path / "a.exr").write_bytes(content.replace(struct.pack("<4i", 0, 0, 2, 1), large))
    with pytest.raises(InputError, match=r"a\.exr: expected an array of at most"):
        read_array(tmp_path / "a.exr")
    np.savez_compressed(tmp_path / "a.npz", a=np.zeros((1 << 10, 1 << 9)))
    read_array(tmp_path / "a.npz")


def test_a_zip_that_unpacks_to_more_than_the_limit_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("ctal.data.array_limits.MAX_GIB", 2**-10)
    np.savez_compressed(tmp_path / "a.npz", a=np.zeros((1 << 10, 1 << 9)))
    assert (tmp_path / "a.npz").stat().st_size < 1 << 14
    with pytest.raises(InputError, match=r"a\.npz: expected an array of at most 0\.000976562 GiB"):
        read_array(tmp_path / "a.npz")


def test_a_tiff_beyond_the_limit_is_refused(tmp_path, monkeypatch):
    tifffile = pytest.importorskip("tifffile", reason="of the extra `data`")
    monkeypatch.setattr("ctal.data.array_limits.MAX_GIB", 2**-20)
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((64, 64), np.float64))
    with pytest.raises(InputError, match=r"a\.tif: expected an array of at most 9\.53674e-07 GiB"):
        read_array(tmp_path / "a.tif")


def test_python_objects_are_never_read(tmp_path):
    objects = np.array([[{}, {}]], dtype=object)
    np.savez(tmp_path / "a.npz", a=objects)
    with pytest.raises(InputError, match=r"a\.npz: expected a readable .*allow_pickle"):
        read_array(tmp_path / "a.npz", key="a")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("a", data=["text"], dtype=h5py.string_dtype())
    with pytest.raises(InputError, match=r"a\.h5: /a: expected numbers stored in this file, got o"):
        read_array(tmp_path / "a.h5")


def test_a_partial_exr_image_is_rejected(tmp_path):
    window = (np.array([0, 0], np.int32), np.array([9, 9], np.int32))
    write_exr(tmp_path / "a.exr", {"Z": VALUES}, displayWindow=window)
    with pytest.raises(InputError, match=r"pixels of the whole image, from \[0, 0\] to \[9, 9\]"):
        read_array(tmp_path / "a.exr")


@pytest.mark.parametrize("name", ["a.npz", "a.h5", "a.exr"])
@pytest.mark.parametrize("content", [b"", b"not a file", None])
def test_errors_name_broken_files(tmp_path, name, content):
    if content is None:
        write = {
            "a.npz": lambda p: np.savez(p, a=VALUES),
            "a.h5": lambda p: write_hdf5(p, a=VALUES),
        }
        write.get(name, lambda p: write_exr(p, {"Z": VALUES}))(tmp_path / name)
        content = (tmp_path / name).read_bytes()[:-40]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=rf"{name}: expected"):
        read_array(tmp_path / name)


@pytest.mark.parametrize(("module", "name"), [("h5py", "a.h5"), ("OpenEXR", "a.exr")])
def test_the_error_of_a_missing_package_names_it(tmp_path, monkeypatch, module, name):
    (tmp_path / name).touch()
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(InputError, match=rf"requires {module}; install it with: .*ctal\[data\]"):
        read_array(tmp_path / name)


def test_a_zip_member_never_yields_more_than_it_lists(tmp_path):
    """The size limit relies on this: it checks the size in the directory, which may be wrong."""
    path = tmp_path / "a.npz"
    np.savez_compressed(path, a=np.zeros((64, 64)))
    with zipfile.ZipFile(path) as archive:
        size = archive.infolist()[0].file_size
    content = path.read_bytes().replace(struct.pack("<I", size), struct.pack("<I", 200))
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.npz: expected a readable"):
        read_array(path)
