"""Threads of `ctal predict`, and still images that they read and write."""

import threading
import time

import numpy as np
import pytest
import torch
from PIL import Image
from tests.small_networks import write_checkpoint

import ctal
import ctal.cli.predict_writer
from ctal.cli.predict import predict_files
from ctal.cli.predict_threads import Threads
from ctal.errors import InputError
from ctal.networks import SharedEncoderNet
from ctal.tasks import Depth, SemanticSegmentation

COUNT = 6


@pytest.fixture
def three_cores():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def two_writers(monkeypatch, three_cores):
    # torch's threads would wait actively for each other, which takes minutes on a busy machine
    def leave_cores(threads):
        torch.set_num_threads(1)

    monkeypatch.setattr(Threads, "leave_cores", leave_cores)


@pytest.fixture
def checkpoint(tmp_path):
    torch.manual_seed(0)
    tasks = [SemanticSegmentation(4), Depth()]
    network = SharedEncoderNet(tasks, "test_resnet", image_size=(32, 32))
    torch.nn.init.constant_(network.heads["depth"].predict.bias, 5.0)  # no depths below 0
    return str(write_checkpoint(network, tmp_path / "a.ckpt"))


@pytest.fixture
def photos(folder):
    random = np.random.default_rng(0)
    (folder / "photos").mkdir()
    for n in range(COUNT):
        pixels = random.integers(0, 255, (30 + n, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "photos" / f"p{n}.png")
    return folder / "photos"


def arrays_of(folder):
    return {file.stem: dict(np.load(file)) for file in sorted(folder.glob("*.npz"))}


class TestThreads:
    def test_jobs_run_at_the_same_time_in_one_torch_thread_each(self, three_cores):
        together, counts, done = threading.Barrier(2, timeout=10), [], []

        def job():
            together.wait()
            counts.append(torch.get_num_threads())

        with Threads(lambda: done.append(0)) as threads:
            for _ in range(4):
                threads.start(job, 1)
            threads.leave_cores()
        assert counts == [1] * 4
        assert len(done) == 4
        assert torch.get_num_threads() == 3

    def test_the_main_thread_uses_the_cores_that_no_job_uses(self, three_cores):
        hold = threading.Event()
        with Threads(lambda: None) as threads:
            threads.leave_cores()
            assert torch.get_num_threads() == 3
            threads.start(lambda: hold.wait(10), 1)
            threads.leave_cores()
            assert torch.get_num_threads() == 2
            hold.set()

    def test_an_error_stops_the_other_jobs(self, three_cores):
        started, stopped = threading.Event(), threading.Event()

        def long():
            started.set()
            try:
                while True:
                    time.sleep(0.01)
                    threads.check()
            finally:
                stopped.set()

        def failing():
            started.wait(10)
            raise InputError("full disk")

        threads = Threads(lambda: None)
        threads.start(long, 1)
        threads.start(failing, 1)
        with pytest.raises(InputError, match="full disk"), threads:
            threads.finish()
        assert stopped.is_set()

    def test_large_images_are_written_one_by_one(self, three_cores, monkeypatch):
        monkeypatch.setattr("ctal.cli.predict_threads.LARGE", 5)
        running, most = [], []

        def job():
            running.append(0)
            most.append(len(running))
            time.sleep(0.02)
            running.pop()

        with Threads(lambda: None) as threads:
            for _ in range(4):
                threads.start(job, 6)
        assert most == [1] * 4


def test_threads_write_what_model_predict_returns(photos, checkpoint, two_writers):
    predict_files(["photos"], checkpoint, full_precision=True)
    torch.set_num_threads(1)
    model = ctal.load(checkpoint)
    found = arrays_of(photos.parent / "predictions")
    assert len(found) == COUNT
    for photo in photos.iterdir():
        for name, values in model.predict(photo).items():
            assert np.array_equal(found[photo.stem][name], values)
        panel = Image.open(photos.parent / "predictions" / f"{photo.stem}.png")
        assert panel.width > 3 * 240


@pytest.mark.parametrize("error", [InputError("no space"), MemoryError()])
def test_an_error_while_writing_ends_the_command(
    photos, checkpoint, three_cores, monkeypatch, error
):
    save, calls = ctal.cli.predict_writer.save_png, []

    def failing(image, path):
        calls.append(path)
        if len(calls) == 3:
            raise error
        save(image, path)

    monkeypatch.setattr(ctal.cli.predict_writer, "save_png", failing)
    with pytest.raises(type(error)):
        predict_files(["photos"], checkpoint)
    monkeypatch.setattr(ctal.cli.predict_writer, "save_png", save)
    files = list((photos.parent / "predictions").iterdir())
    assert not [file for file in files if file.suffix == ".part"]
    assert len(files) < 2 * COUNT
    assert not [t for t in threading.enumerate() if t.name.startswith(("read", "write"))]
    predict_files(["photos"], checkpoint)
    assert len(arrays_of(photos.parent / "predictions")) == COUNT


def test_maps_that_are_not_finite_name_the_image(photos, checkpoint, monkeypatch):
    from ctal.networks import Network

    run, calls = Network.forward, []

    def diverging(self, images):
        found = run(self, images)
        calls.append(0)
        if len(calls) == 4:
            found.final["depth"][:] = torch.nan
        return found

    monkeypatch.setattr(Network, "forward", diverging)
    with pytest.raises(InputError, match=r"^photos/p3\.png: the network's output 'depth' is not"):
        predict_files(["photos"], checkpoint)
    assert sorted(arrays_of(photos.parent / "predictions")) == ["p0", "p1", "p2"]


def test_large_images_are_read_when_they_are_needed(photos, checkpoint, monkeypatch):
    predict_files(["photos"], checkpoint, "usual")
    for module in ("predict_threads", "predict_images"):
        monkeypatch.setattr(f"ctal.cli.{module}.LARGE", 34 * 40)
    predict_files(["photos"], checkpoint, "large")
    usual, large = arrays_of(photos.parent / "usual"), arrays_of(photos.parent / "large")
    assert usual.keys() == large.keys()
    for name in usual:
        assert np.array_equal(usual[name]["depth"], large[name]["depth"])
