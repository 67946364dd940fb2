"""Prediction of batches of columns, in local Ray workers if Ray is installed."""

import os
import pickle
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.small_networks import shared_encoder, write_checkpoint

import ctal
from ctal.errors import InputError


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return str(write_checkpoint(shared_encoder(), tmp_path_factory.mktemp("run") / "a.ckpt"))


def images(*sizes):
    generator = np.random.default_rng(4)
    return [generator.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]


def column(arrays):
    found = np.empty(len(arrays), dtype=object)
    for index, array in enumerate(arrays):
        found[index] = array
    return found


class TestColumns:
    def test_maps_of_images_of_one_size(self, checkpoint):
        batch = {"image": np.stack(images((40, 50), (40, 50))), "path": np.array(["a", "b"])}
        found = ctal.BatchPredictor(checkpoint)(batch)
        assert list(found) == ["path", "semseg", "depth", "normals"]
        assert {name: values.shape for name, values in found.items()} == {
            "path": (2,),
            "semseg": (2, 40, 50),
            "depth": (2, 40, 50),
            "normals": (2, 40, 50, 3),
        }
        expected = ctal.load(checkpoint).predict(batch["image"])
        assert all(np.array_equal(found[name], expected[name]) for name in expected)

    def test_maps_of_images_of_different_sizes(self, checkpoint):
        pixels = images((40, 50), (33, 20))
        predictor = ctal.BatchPredictor(checkpoint, column="x", keep_images=True, flip=True)
        found = predictor({"x": column(pixels)})
        assert list(found) == ["x", "semseg", "depth", "normals"]
        model = ctal.load(checkpoint)
        for index, image in enumerate(pixels):
            expected = model.predict(image, flip=True)
            assert all(np.array_equal(found[name][index], expected[name]) for name in expected)

    def test_an_instance_can_be_pickled(self, checkpoint):
        batch = {"image": np.stack(images((40, 50)))}
        predictor = ctal.BatchPredictor(checkpoint, tiled=True)
        found, again = predictor(batch), pickle.loads(pickle.dumps(predictor))(batch)
        assert all(np.array_equal(found[name], again[name]) for name in found)

    def test_errors(self, checkpoint):
        predictor = ctal.BatchPredictor(checkpoint)
        with pytest.raises(InputError, match=r"^column: expected one of photo, got 'image'"):
            predictor({"photo": np.stack(images((4, 5)))})
        with pytest.raises(InputError, match=r"^batch: expected no column 'depth', the name of"):
            predictor({"image": np.stack(images((4, 5))), "depth": np.zeros(1)})
        with pytest.raises(InputError, match=r"^threads: expected an integer >= 1, got 0"):
            ctal.BatchPredictor(checkpoint, threads=0)
        with pytest.raises(InputError, match=r"^scales: "):
            ctal.BatchPredictor(checkpoint, scales=[])
        with pytest.raises(InputError, match=r"^image: "):
            predictor({"image": np.zeros((1, 4, 5), dtype=np.uint8)})


class Mortal(ctal.BatchPredictor):
    """Predictor that ends its process once within a batch, and records each started image."""

    def __init__(self, *args, notes, **kwargs):
        super().__init__(*args, **kwargs)
        self.notes = Path(notes)

    def __call__(self, batch):
        begun = self.notes / f"{os.getpid()}.txt"
        with begun.open("a") as file:
            file.writelines(f"{Path(path).name}\n" for path in batch["path"])
        found = super().__call__(batch)
        if len(begun.read_text().split()) >= 6:
            try:
                (self.notes / "killed").touch(exist_ok=False)
            except FileExistsError:
                return found
            os.kill(os.getpid(), signal.SIGKILL)
        return found


@pytest.mark.timeout(600)
def test_ray_workers_neither_lose_nor_repeat_images(checkpoint, tmp_path, monkeypatch):
    """Two workers, one of which is killed, compared with this process."""
    ray = pytest.importorskip("ray", reason="needs Ray, the extra `ray`")
    pytest.importorskip("ray.data", reason="needs Ray Data, the extra `ray`")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))  # Ray writes the token of its cluster there
    photos, notes = tmp_path / "photos", tmp_path / "notes"
    for folder in (photos, notes, tmp_path / "home"):
        folder.mkdir()
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    for index in range(24):
        size = (32, 64) if index % 3 else (41, 30)
        Image.fromarray(images(size)[0] // (1 + index)).save(photos / f"{index:02}.png")
    ray.init(num_cpus=3, include_dashboard=False, object_store_memory=10**8, log_to_driver=False)
    try:
        found = ray.data.read_images(str(photos), include_paths=True, mode="RGB").map_batches(
            Mortal,
            fn_constructor_kwargs={"source": checkpoint, "notes": str(notes)},
            batch_size=3,
            concurrency=2,
        )
        rows = found.take_all()
    finally:
        ray.shutdown()
    assert (notes / "killed").exists()
    assert sorted(Path(row["path"]).name for row in rows) == [f"{i:02}.png" for i in range(24)]
    model = ctal.load(checkpoint)
    for row in rows:
        expected = model.predict(row["path"])
        for task, values in expected.items():
            np.testing.assert_allclose(row[task], values, atol=1e-5)
