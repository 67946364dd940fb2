"""A small file can claim or unpack to any size: refused, unless the dataset allows it."""

import numpy as np
import pytest
import yaml
from PIL import Image

from ctal.cli import main
from ctal.data import FolderDataset
from ctal.data.array_limits import array_limit, check_bytes
from ctal.data.map_files import MapFiles
from ctal.errors import InputError
from ctal.tasks import Depth


@pytest.fixture
def root(tmp_path):
    """Write one sample, whose depth of 512 KiB is compressed to less than 1 KiB."""
    for kind in ("image", "depth"):
        (tmp_path / kind).mkdir()
    Image.new("RGB", (256, 256)).save(tmp_path / "image" / "a.png")
    np.savez_compressed(tmp_path / "depth" / "a.npz", depth=np.ones((256, 256)))
    assert (tmp_path / "depth" / "a.npz").stat().st_size < 1024
    return tmp_path


def test_more_than_2_gib_only_if_asked(tmp_path):
    check_bytes(tmp_path, 2 << 30)
    with pytest.raises(InputError, match="at most 2 GiB, got 3 GiB; if you trust the file, set a "):
        check_bytes(tmp_path, 3 << 30)
    with array_limit(3):
        check_bytes(tmp_path, 3 << 30)
        with pytest.raises(InputError, match="at most 3 GiB"):
            check_bytes(tmp_path, (3 << 30) + 1)
    with pytest.raises(InputError, match="at most 2 GiB"):
        check_bytes(tmp_path, 3 << 30)


def test_the_limit_is_that_of_the_dataset(root):
    maps = [MapFiles(Depth(), "depth/{name}.npz")]
    small = FolderDataset(root, "image/{name}.png", maps, max_array_gib=2**-12)
    with pytest.raises(InputError, match=r"a\.npz: expected an array of .* larger `max_array_gib`"):
        small[0]
    large = FolderDataset(root, "image/{name}.png", maps, max_array_gib=2**-10)
    assert large[0]["depth"].eq(1).all()


@pytest.mark.parametrize("limit", [0, -1, float("nan")])
def test_the_limit_is_above_0(root, limit):
    with pytest.raises(InputError, match="max_array_gib: expected a number > 0, got"):
        FolderDataset(
            root, "image/{name}.png", [MapFiles(Depth(), "depth/{name}.npz")], max_array_gib=limit
        )


def test_the_limit_in_a_configuration(root, monkeypatch, capsys):
    monkeypatch.chdir(root)
    maps = [{"task": {"class_path": "ctal.tasks.Depth"}, "files": "depth/{name}.npz"}]
    arguments = {"root": ".", "image": "image/{name}.png", "maps": maps}

    def check(limit):
        dataset = {"class_path": "ctal.data.FolderDataset"}
        dataset["init_args"] = arguments | {"max_array_gib": limit}
        (root / "c.yaml").write_text(yaml.safe_dump({"data": {"train": dataset}}))
        return main(["data", "check", "--config=c.yaml"])

    assert check(1.0) == 0
    capsys.readouterr()
    assert check(1e-5) == 1
    assert "set a larger `max_array_gib`" in capsys.readouterr().out
