import pickle

import numpy as np
import pytest
import torch
from PIL import Image as PILImage

from ctal.data.array_files import read_array, read_float_image
from ctal.errors import InputError


def save(path, array):
    PILImage.fromarray(array).save(path)
    return path


def test_an_image_is_rgb_in_0_to_1(tmp_path):
    pixels = np.array([[[0, 51, 255], [255, 0, 102]]], np.uint8)
    picture = read_float_image(save(tmp_path / "a.png", pixels))
    assert picture.shape == (3, 1, 2)
    assert torch.allclose(picture[:, 0, 0], torch.tensor([0, 0.2, 1]))


def test_an_array_file_may_contain_an_image(tmp_path):
    np.save(tmp_path / "a.npy", np.full((2, 3, 3), 0.25))
    assert read_float_image(tmp_path / "a.npy").unique().tolist() == [0.25]
    np.save(tmp_path / "b.npy", np.full((2, 3, 3), 51, np.uint8))
    assert torch.allclose(read_float_image(tmp_path / "b.npy"), torch.tensor(0.2))
    for wrong in (np.full((2, 3, 3), 1.5), np.full((2, 3, 3), np.nan), np.ones((2, 3, 4))):
        np.save(tmp_path / "c.npy", wrong)
        with pytest.raises(InputError, match=r"c\.npy: expected an image"):
            read_float_image(tmp_path / "c.npy")


def test_stored_values_are_unchanged(tmp_path):
    deep = np.array([[0, 40000]], np.uint16)
    assert np.array_equal(read_array(save(tmp_path / "a.png", deep)), deep)
    palette = PILImage.fromarray(np.array([[3, 1]], np.uint8))
    palette.putpalette([7] * 768)
    palette.save(tmp_path / "p.png")
    assert read_array(tmp_path / "p.png").tolist() == [[3, 1]]
    np.savez_compressed(tmp_path / "a.npz", normals=deep)
    assert np.array_equal(read_array(tmp_path / "a.npz"), deep)


def broken_files(folder):
    (folder / "text.png").write_text("I am a text\n")
    (folder / "empty.jpg").write_bytes(b"")
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    for name in ("cut.jpg", "cut.png"):
        whole = save(folder / name, noise).read_bytes()
        (folder / name).write_bytes(whole[: len(whole) // 2])
    whole = bytearray((save(folder / "bits.png", noise)).read_bytes())
    whole[len(whole) // 2] ^= 0xFF
    (folder / "bits.png").write_bytes(whole)
    np.save(folder / "no_pixels.npy", np.zeros((0, 4)))
    (folder / "text.npy").write_text("text")
    (folder / "text.npz").write_text("text")
    np.savez(folder / "two.npz", a=np.ones((2, 2)), b=np.ones((2, 2)))
    np.save(folder / "scalar.npy", np.float32(1))
    np.save(folder / "words.npy", np.array([["a", "b"]]))
    np.save(folder / "promise.npy", np.ones((32, 64), np.float32))
    promise = (folder / "promise.npy").read_bytes()
    (folder / "promise.npy").write_bytes(promise.replace(b"(32, 64)", b"(9999999,9999999)"))
    (folder / "head.npy").write_bytes(promise.replace(b"{'descr'", b"{((((((("))
    locked = bytearray((folder / "two.npz").read_bytes())
    for place in (6, locked.index(b"PK\x01\x02") + 8):  # flags of encryption
        locked[place] |= 1
    (folder / "locked.npz").write_bytes(locked)
    names = ["promise.npy", "head.npy", "locked.npz", "text.png", "empty.jpg",
             "cut.jpg", "cut.png", "bits.png", "no_pixels.npy",
             "text.npy", "text.npz", "two.npz", "scalar.npy", "words.npy"]  # fmt: skip
    return [folder / name for name in [*names, "missing.png"]]


def test_a_broken_file_gives_a_one_line_error(tmp_path):
    for path in broken_files(tmp_path):
        for read in (read_array, read_float_image):
            with pytest.raises(InputError) as caught:
                read(path)
            assert str(caught.value).startswith(f"{path}: ")
            assert "\n" not in str(caught.value)


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("a data file ran code",))


def test_loading_a_data_file_never_executes_code(tmp_path):
    (tmp_path / "bare.npy").write_bytes(pickle.dumps(Bomb()))
    np.save(tmp_path / "array.npy", np.array([[Bomb()]], object), allow_pickle=True)
    np.savez(tmp_path / "array.npz", np.array([[Bomb()]], object), allow_pickle=True)
    for name in ("bare.npy", "array.npy", "array.npz"):
        with pytest.raises(InputError, match=name):
            read_array(tmp_path / name)
