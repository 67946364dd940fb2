import numpy as np
import pytest
import torch
from PIL import Image
from tests.small_networks import TASKS, Echo

from ctal.errors import InputError, UnreadableError
from ctal.inference import Model


@pytest.fixture
def echo():
    return Model(Echo(TASKS, image_size=(32, 48)))


class TestPredict:
    def test_an_image_of_the_networks_size_is_not_resampled(self, network):
        image = torch.rand(3, 32, 64)
        maps = Model(network).predict(image)
        with torch.no_grad():
            raw = network(image[None]).final
        assert list(maps) == ["semseg", "depth", "normals"]
        assert np.array_equal(maps["semseg"], raw["semseg"].argmax(1)[0].numpy())
        assert np.array_equal(maps["depth"], raw["depth"][0, 0].clamp(min=1e-3).numpy())
        expected = torch.nn.functional.normalize(raw["normals"], dim=1)[0].permute(1, 2, 0)
        np.testing.assert_allclose(maps["normals"], expected.numpy(), atol=1e-6)

    def test_shapes_and_types_at_the_images_own_size(self, echo):
        maps = echo.predict(Image.new("RGB", (100, 70), (200, 10, 10)))
        assert {name: (m.shape, m.dtype.name) for name, m in maps.items()} == {
            "semseg": ((70, 100), "int64"),
            "depth": ((70, 100), "float32"),
            "normals": ((70, 100, 3), "float32"),
        }
        assert (maps["semseg"] == 0).all()
        np.testing.assert_allclose(maps["depth"], 10 * 200 / 255, rtol=1e-5)
        np.testing.assert_allclose(np.linalg.norm(maps["normals"], axis=-1), 1, rtol=1e-5)

    def test_content_keeps_its_position(self, echo):
        picture = torch.zeros(3, 64, 120, dtype=torch.uint8)
        picture[0] = 255
        picture[:, :32, 90:] = torch.tensor([0, 0, 255])[:, None, None]
        classes = echo.predict(picture)["semseg"]
        expected = np.zeros((64, 120), dtype=int)
        expected[:32, 90:] = 2
        assert (classes != expected).mean() < 0.01
        assert (classes[4:28, 94:] == 2).all()

    def test_class_borders_are_smooth_when_enlarged(self):
        # a raw map that decreases along the diagonal: nearest-neighbor steps would be 4 pixels high
        model = Model(Echo(TASKS, image_size=(32, 32)))
        ramp = torch.linspace(0, 1, 32)
        small = torch.stack(
            [ramp.expand(32, 32), ramp[:, None].expand(32, 32), torch.zeros(32, 32)]
        )
        large = torch.nn.functional.interpolate(small[None], (128, 128), mode="bilinear")[0]
        border = np.diff((model.predict(large)["semseg"] == 0).sum(axis=1))
        assert np.abs(border).max() <= 2

    @pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "I;16", "CMYK", "1"])
    def test_maps_have_the_size_of_images_of_every_mode(self, echo, mode, tmp_path):
        Image.new(mode, (37, 53)).save(
            tmp_path / "picture.tif" if mode == "CMYK" else tmp_path / "picture.png"
        )
        (file,) = tmp_path.iterdir()
        assert echo.predict(file)["depth"].shape == (53, 37)

    def test_a_rotated_image_is_predicted_upright(self, echo, tmp_path):
        stored = Image.new("RGB", (60, 40), "red")
        stored.paste("blue", (0, 0, 20, 40))
        exif = Image.Exif()
        exif[0x0112] = 6
        stored.save(tmp_path / "turned.png", exif=exif)
        classes = echo.predict(tmp_path / "turned.png")["semseg"]
        assert classes.shape == (60, 40)
        assert (classes[:17] == 2).all()
        assert (classes[23:] == 0).all()

    def test_file_image_array_and_tensor_give_the_same_maps(self, network, tmp_path):
        pixels = torch.randint(0, 256, (3, 40, 50), dtype=torch.uint8)
        image = Image.fromarray(pixels.permute(1, 2, 0).numpy())
        image.save(tmp_path / "picture.png")
        model = Model(network)
        answers = [
            model.predict(form)["depth"]
            for form in (pixels, pixels.numpy(), pixels / 255, image, tmp_path / "picture.png")
        ]
        for answer in answers[1:]:
            np.testing.assert_allclose(answer, answers[0], rtol=1e-5)

    def test_keep_aspect_ratio_resizes_the_network_to_the_image(self):
        model, sizes = Model(Echo(TASKS, image_size=(64, 96))), []
        model.network.register_forward_hook(lambda _, args, out: sizes.append(args[0].shape[-2:]))
        for size in ((60, 90), (90, 60), (240, 40), (50, 40)):
            maps = model.predict(torch.rand(3, *size), keep_aspect_ratio=True)
            assert maps["depth"].shape == size
        assert sizes == [(64, 96), (96, 64), (192, 32), (96, 64)]
        assert model.network.image_size == (64, 96)

    def test_keep_aspect_ratio_does_not_resize_for_the_networks_aspect_ratio(self, network):
        image = torch.rand(3, 16, 32)
        stretched, own = (
            Model(network).predict(image, keep_aspect_ratio=own) for own in (False, True)
        )
        assert all(np.array_equal(stretched[name], own[name]) for name in own)

    def test_keep_aspect_ratio_gives_the_maps_of_a_resized_network(self, mixing):
        image = torch.rand(3, 96, 48)
        state = {name: value.clone() for name, value in mixing.state_dict().items()}
        own = Model(mixing).predict(image, keep_aspect_ratio=True)
        assert all(torch.equal(value, state[name]) for name, value in mixing.state_dict().items())
        mixing.resize((64, 32))
        np.testing.assert_array_equal(own["depth"], Model(mixing).predict(image)["depth"])

    def test_resized_copies_are_limited_and_share_weights(self, mixing):
        model = Model(mixing)
        copies = {}
        for size in ((64, 32), (32, 64), (64, 64), (32, 96), (96, 32), (32, 64), (32, 128)):
            model.predict(torch.rand(3, *size), keep_aspect_ratio=True)
            copies |= model._runner._copies.kept
            assert len(model._runner._copies.kept) <= 4
        trained = set(map(id, mixing.parameters()))
        for size, network in model._runner._copies.kept.items():
            own = [n for n, p in network.named_parameters() if id(p) not in trained]
            assert own == ["refinement.ctal.mixing_weight", "refinement.ctal.mixing_bias"]
            assert network is copies[size]

    def test_the_network_is_set_to_evaluation_mode(self, network):
        assert not Model(network.train()).network.training

    @pytest.mark.parametrize(
        ("image", "message"),
        [
            (torch.rand(40, 50, 3), r"expected \(3, H, W\), RGB, got \(40, 50, 3\)"),
            (torch.rand(1, 4, 6, 5), r"got \(4, 6, 5\)"),
            (torch.rand(0, 3, 4, 5), "an empty batch"),
            (torch.rand(2, 1, 3, 4, 5), r"got \(2, 1, 3, 4, 5\)"),
            (torch.rand(3, 0, 5), r"got \(3, 0, 5\)"),
            (torch.rand(3, 4, 5) * 255, r"in 0\.\.1, got torch.float32 in"),
            (torch.full((3, 4, 5), torch.nan), "got torch.float32 in nan"),
            (torch.zeros(3, 4, 5, dtype=torch.int64), "got torch.int64"),
        ],
    )
    def test_other_shapes_and_types_are_refused(self, echo, image, message):
        with pytest.raises(InputError, match=message):
            echo.predict(image)


class TestStream:
    @pytest.fixture
    def pictures(self):
        return [torch.rand(3, *size) for size in ((20, 30), (32, 64), (50, 20), (32, 64), (9, 9))]

    def test_a_stream_gives_the_maps_of_single_images(self, network, pictures):
        model = Model(network)
        for options in ({}, {"keep_aspect_ratio": True}, {"tiled": True}):
            found = list(model.predict(pictures, batch_size=2, **options))
            assert len(found) == len(pictures)
            for maps, picture in zip(found, pictures, strict=True):
                single = model.predict(picture, **options)
                for name in single:
                    np.testing.assert_allclose(maps[name], single[name], atol=1e-5)

    def test_images_of_one_size_are_batched(self, echo, pictures):
        batches = []
        echo.network.register_forward_hook(lambda _, args, out: batches.append(len(args[0])))
        assert len(list(echo.predict(iter(pictures), batch_size=3))) == 5
        assert batches == [3, 2]

    def test_a_batch_has_stacked_maps(self, network):
        model, images = Model(network), torch.rand(3, 3, 40, 50)
        maps = model.predict(images)
        assert {name: m.shape for name, m in maps.items()} == {
            "semseg": (3, 40, 50),
            "depth": (3, 40, 50),
            "normals": (3, 40, 50, 3),
        }
        single = model.predict(images[1])
        np.testing.assert_allclose(maps["depth"][1], single["depth"], atol=1e-5)
        array = (images.numpy() * 255).astype("uint8")
        np.testing.assert_allclose(model.predict(array)["depth"], maps["depth"], atol=0.05)

    def test_at_most_one_batch_is_read_ahead(self, echo):
        read = []

        def frames():
            for number in range(100):
                read.append(number)
                yield torch.rand(3, 8, 8)

        answers = echo.predict(frames(), batch_size=4)
        assert read == []
        next(answers)
        assert len(read) == 4

    def test_images_before_an_error_are_predicted_first(self, echo, tmp_path):
        Image.new("RGB", (8, 8)).save(tmp_path / "good.png")
        (tmp_path / "bad.png").write_text("text")
        names = [tmp_path / f"{name}.png" for name in ("good", "good", "bad", "good")]
        answers = echo.predict(names)
        assert [next(answers)["depth"].shape for _ in range(2)] == [(8, 8), (8, 8)]
        with pytest.raises(UnreadableError, match=r"bad\.png: cannot be read"):
            next(answers)

    def test_large_images_are_decoded_in_strips(self, echo, monkeypatch):
        picture = torch.rand(3, 150, 40)
        expected = echo.predict(picture)
        for module in ("inference.runner", "inference.postprocessing"):
            monkeypatch.setattr(f"ctal.{module}.LARGE", 1000)
        monkeypatch.setattr("ctal.inference.postprocessing._STRIP", 40 * 7)
        made = []

        def empty(shape, dtype):
            made.append(torch.full(shape, 99, dtype=dtype))
            return made[-1]

        maps = next(echo.stream([picture], empty=empty))
        assert [tuple(m.shape) for m in made] == [(150, 40), (1, 150, 40), (3, 150, 40)]
        assert all(maps[name] is m for name, m in zip(maps, made, strict=True))
        np.testing.assert_allclose(maps["depth"][0], expected["depth"], atol=1e-4)
        assert (maps["semseg"].numpy() == expected["semseg"]).all()

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"keep_aspect_ratio": True, "tiled": True}, "expected one of them"),
            ({"batch_size": 0}, "batch_size: expected an integer >= 1, got 0"),
        ],
    )
    def test_invalid_options_are_refused(self, echo, options, message):
        with pytest.raises(InputError, match=message):
            echo.predict(torch.rand(3, 8, 8), **options)


class TestTiled:
    def test_tiling_predicts_a_large_image_at_its_own_resolution(self, echo):
        picture = torch.rand(3, 100, 150)  # noise, which resizing to 32x48 would flatten
        tiled, resized = (echo.predict(picture, tiled=tiled)["depth"] for tiled in (True, False))
        np.testing.assert_allclose(tiled, (10 * picture[0]).clamp(min=1e-3), rtol=1e-4)
        assert resized.std() < tiled.std() / 2

    def test_tiling_resizes_a_small_image(self, echo):
        for size in ((31, 100), (100, 47), (32, 48)):
            picture = torch.rand(3, *size)
            tiled, resized = (echo.predict(picture, tiled=t)["depth"] for t in (True, False))
            np.testing.assert_array_equal(tiled, resized)
