"""One model used by several threads and processes, and networks that diverged."""

import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import ctal
from ctal import cli
from ctal.errors import InputError
from ctal.inference import Model


def images(count):
    generator = torch.Generator().manual_seed(0)
    return [torch.rand(3, 40, 50, generator=generator) for _ in range(count)]


def test_each_thread_gets_the_affinities_of_its_own_image(mixing):
    model = Model(mixing)
    several = images(6)
    expected = [next(iter(model.explain(image, (20, 20)).values())) for image in several]
    with ThreadPoolExecutor(4) as pool:
        explained = [pool.submit(model.explain, image, (20, 20)) for image in several * 4]
        predicted = [pool.submit(model.predict, image) for image in several * 4]
    assert len({affinities.kept.tobytes() for affinities in expected}) == len(several)
    for future, want in zip(explained, expected * 4, strict=True):
        found = next(iter(future.result().values()))
        np.testing.assert_array_equal(found.affinity["depth"], want.affinity["depth"])
        np.testing.assert_array_equal(found.kept, want.kept)
    for future, image in zip(predicted, several * 4, strict=True):
        np.testing.assert_array_equal(future.result()["depth"], model.predict(image)["depth"])


def test_a_pickled_model_predicts_the_same(mixing):
    model = Model(mixing, about={"scored on": "val"})
    model.predict(torch.rand(3, 80, 40), keep_aspect_ratio=True)  # keeps a resized copy
    image = images(1)[0]
    copy = pickle.loads(pickle.dumps(model))
    assert copy.about == model.about
    np.testing.assert_array_equal(copy.predict(image)["depth"], model.predict(image)["depth"])
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        found = pool.submit(model.predict, image.numpy()).result()
    np.testing.assert_array_equal(found["depth"], model.predict(image)["depth"])


def test_repr_and_device(mixing):
    model = Model(mixing)
    assert repr(model) == "Model(CTALNet, tasks=[semseg, depth, normals], 32x64, cpu)"
    assert model.to("cpu") is model
    assert model.device == torch.device("cpu")
    with pytest.raises(InputError, match="device: 'cuda:99' cannot be used"):
        model.to("cuda:99")
    assert model.device == torch.device("cpu")


def test_arrays_with_channels_last(mixing):
    model = Model(mixing)
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    expected = model.predict(pixels.transpose(2, 0, 1))
    for form in (pixels, pixels[None]):
        found = model.predict(form)["depth"].reshape(40, 50)
        np.testing.assert_array_equal(found, expected["depth"])
    for form, method in ((pixels / 255, "transpose"), (torch.from_numpy(pixels), "permute")):
        with pytest.raises(InputError, match=rf"transpose it with image\.{method}\(2, 0, 1\)"):
            model.predict(form)
    columns = np.zeros((3, 50, 3), np.uint8)  # (3, H, W) with W = 3
    assert model.predict(columns)["depth"].shape == (50, 3)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_networks_in_half_precision_predict(mixing, dtype):
    image = images(1)[0]
    expected = Model(mixing).predict(image)["depth"]
    found = Model(mixing.to(dtype)).predict(image)["depth"]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=0.05)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(mixing, value, tmp_path):
    Model(mixing).save_pretrained(tmp_path / "net")
    file = tmp_path / "net" / "model.safetensors"
    weights = load_file(file)
    name = next(
        name for name in weights if name.startswith("decoders.depth") and weights[name].ndim == 4
    )
    weights[name].view(-1)[3] = value
    save_file(weights, file)
    with pytest.raises(InputError, match=r"model\.safetensors: expected finite weights, got NaN"):
        ctal.load(tmp_path / "net")


def test_predictions_that_are_not_finite_are_not_written(mixing, folder, monkeypatch, capsys):
    with torch.no_grad():
        for parameter in mixing.decoders["depth"].parameters():
            parameter.mul_(1e30)  # finite, but products of them are not
    Model(mixing).save_pretrained("net")
    assert cli.main(["predict", "pictures/a.jpg", "--checkpoint", "net", "--output", "out"]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "a.jpg: the network's output 'depth' is not finite" in error
    assert not list(folder.glob("out/*"))
