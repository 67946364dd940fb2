import pickle

import numpy as np
import pytest
import torch
from PIL import Image

import ctal
from ctal.errors import InputError
from ctal.inference import Model, checkpoint_file, load
from ctal.networks import CTALNet, Network, Predictions, SharedEncoderNet, describe
from ctal.tasks import Depth, SemanticSegmentation, SurfaceNormals

TASKS = [SemanticSegmentation(3), Depth(), SurfaceNormals()]


class Echo(Network):
    """Says what it sees: red, green or blue; 10 m times red; the colour less grey as a normal."""

    def __init__(self, tasks, *, image_size):
        super().__init__(tasks, image_size=image_size)
        self.scale = torch.nn.Parameter(torch.tensor(10.0))

    def predict_raw(self, images):
        maps = {"semseg": images, "depth": self.scale * images[:, :1], "normals": images - 0.5}
        return Predictions({task.name: maps[task.name] for task in self.tasks}, [])


def write_checkpoint(network, path):
    state = {f"network.{name}": value for name, value in network.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"state_dict": state, "ctal": describe(network), "epoch": 3}, path)
    return path


@pytest.fixture
def echo():
    return Model(Echo(TASKS, image_size=(32, 48)))


@pytest.fixture
def network():
    torch.manual_seed(0)
    return SharedEncoderNet(TASKS, "test_resnet", image_size=(32, 64)).eval()


@pytest.fixture
def mixing():
    """A network with weights that belong to pixels."""
    torch.manual_seed(0)
    network = CTALNet(TASKS, "test_resnet", image_size=(32, 64), channels=8).eval()
    torch.nn.init.constant_(network.decoders["depth"][-1].bias, 9.0)  # no depths below 0
    return network


class TestPredict:
    def test_a_picture_of_the_networks_size_is_not_resampled(self, network):
        image = torch.rand(3, 32, 64)
        maps = Model(network).predict(image)
        with torch.no_grad():
            raw = network(image[None]).final
        assert list(maps) == ["semseg", "depth", "normals"]
        assert np.array_equal(maps["semseg"], raw["semseg"].argmax(1)[0].numpy())
        assert np.array_equal(maps["depth"], raw["depth"][0, 0].clamp(min=1e-3).numpy())
        expected = torch.nn.functional.normalize(raw["normals"], dim=1)[0].permute(1, 2, 0)
        np.testing.assert_allclose(maps["normals"], expected.numpy(), atol=1e-6)

    def test_forms_and_types_at_the_pictures_own_size(self, echo):
        maps = echo.predict(Image.new("RGB", (100, 70), (200, 10, 10)))
        assert {name: (m.shape, m.dtype.name) for name, m in maps.items()} == {
            "semseg": ((70, 100), "int64"),
            "depth": ((70, 100), "float32"),
            "normals": ((70, 100, 3), "float32"),
        }
        assert (maps["semseg"] == 0).all()
        np.testing.assert_allclose(maps["depth"], 10 * 200 / 255, rtol=1e-5)
        np.testing.assert_allclose(np.linalg.norm(maps["normals"], axis=-1), 1, rtol=1e-5)

    def test_content_stays_in_its_place(self, echo):
        picture = torch.zeros(3, 64, 120, dtype=torch.uint8)
        picture[0] = 255
        picture[:, :32, 90:] = torch.tensor([0, 0, 255])[:, None, None]
        classes = echo.predict(picture)["semseg"]
        expected = np.zeros((64, 120), dtype=int)
        expected[:32, 90:] = 2
        assert (classes != expected).mean() < 0.01
        assert (classes[4:28, 94:] == 2).all()

    def test_the_border_of_classes_is_smooth_when_enlarged(self):
        # a raw map that falls along the diagonal: nearest-neighbour steps would be 4 pixels high
        model = Model(Echo(TASKS, image_size=(32, 32)))
        ramp = torch.linspace(0, 1, 32)
        small = torch.stack(
            [ramp.expand(32, 32), ramp[:, None].expand(32, 32), torch.zeros(32, 32)]
        )
        large = torch.nn.functional.interpolate(small[None], (128, 128), mode="bilinear")[0]
        border = np.diff((model.predict(large)["semseg"] == 0).sum(axis=1))
        assert np.abs(border).max() <= 2

    @pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "I;16", "CMYK", "1"])
    def test_keeps_the_size_of_pictures_of_every_mode(self, echo, mode, tmp_path):
        Image.new(mode, (37, 53)).save(
            tmp_path / "picture.tif" if mode == "CMYK" else tmp_path / "picture.png"
        )
        (file,) = tmp_path.iterdir()
        assert echo.predict(file)["depth"].shape == (53, 37)

    def test_a_turned_picture_is_predicted_upright(self, echo, tmp_path):
        stored = Image.new("RGB", (60, 40), "red")
        stored.paste("blue", (0, 0, 20, 40))
        exif = Image.Exif()
        exif[0x0112] = 6
        stored.save(tmp_path / "turned.png", exif=exif)
        classes = echo.predict(tmp_path / "turned.png")["semseg"]
        assert classes.shape == (60, 40)
        assert (classes[:17] == 2).all()
        assert (classes[23:] == 0).all()

    def test_one_answer_for_file_picture_array_and_tensor(self, network, tmp_path):
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

    def test_own_shape_resizes_the_network_and_not_the_shape(self):
        model, sizes = Model(Echo(TASKS, image_size=(64, 96))), []
        model.network.register_forward_hook(lambda _, args, out: sizes.append(args[0].shape[-2:]))
        for size in ((60, 90), (90, 60), (240, 40), (50, 40)):
            maps = model.predict(torch.rand(3, *size), own_shape=True)
            assert maps["depth"].shape == size
        assert sizes == [(64, 96), (96, 64), (192, 32), (96, 64)]
        assert model.network.image_size == (64, 96)

    def test_own_shape_of_the_networks_shape_is_the_network_as_trained(self, network):
        image = torch.rand(3, 16, 32)
        stretched, own = (Model(network).predict(image, own_shape=own) for own in (False, True))
        assert all(np.array_equal(stretched[name], own[name]) for name in own)

    def test_own_shape_is_what_a_resized_network_says(self, mixing):
        image = torch.rand(3, 96, 48)
        state = {name: value.clone() for name, value in mixing.state_dict().items()}
        own = Model(mixing).predict(image, own_shape=True)
        assert all(torch.equal(value, state[name]) for name, value in mixing.state_dict().items())
        mixing.resize((64, 32))
        np.testing.assert_array_equal(own["depth"], Model(mixing).predict(image)["depth"])

    def test_copies_for_shapes_are_few_and_share_weights(self, mixing):
        model = Model(mixing)
        copies = {}
        for size in ((64, 32), (32, 64), (64, 64), (32, 96), (96, 32), (32, 64), (32, 128)):
            model.predict(torch.rand(3, *size), own_shape=True)
            copies |= model._copies
            assert len(model._copies) <= 4
        trained = set(map(id, mixing.parameters()))
        for size, network in model._copies.items():
            own = [n for n, p in network.named_parameters() if id(p) not in trained]
            assert own == ["refinement.ctal.mixing_weight", "refinement.ctal.mixing_bias"]
            assert network is copies[size]

    def test_leaves_training_mode(self, network):
        assert not Model(network.train()).network.training

    @pytest.mark.parametrize(
        ("image", "message"),
        [
            (torch.rand(40, 50, 3), r"expected \(3, H, W\), RGB, got \(40, 50, 3\)"),
            (torch.rand(1, 3, 4, 5), r"got \(1, 3, 4, 5\)"),
            (torch.rand(3, 0, 5), r"got \(3, 0, 5\)"),
            (torch.rand(3, 4, 5) * 255, r"in 0\.\.1, got torch.float32 in"),
            (torch.full((3, 4, 5), torch.nan), "got torch.float32 in nan"),
            (torch.zeros(3, 4, 5, dtype=torch.int64), "got torch.int64"),
        ],
    )
    def test_other_forms_are_refused(self, echo, image, message):
        with pytest.raises(InputError, match=message):
            echo.predict(image)


class TestLoad:
    def test_checkpoint_and_run_folder(self, network, tmp_path):
        file = write_checkpoint(network, tmp_path / "run" / "checkpoints" / "best.ckpt")
        image = torch.rand(3, 20, 30)
        expected = Model(network).predict(image)
        for path in (file, str(file), tmp_path / "run"):
            model = ctal.load(path)
            assert [task.name for task in model.tasks] == ["semseg", "depth", "normals"]
            assert np.array_equal(model.predict(image)["depth"], expected["depth"])

    def test_at_another_size(self, mixing, tmp_path):
        file = write_checkpoint(mixing, tmp_path / "a.ckpt")
        image = torch.rand(3, 64, 64)
        found = load(file, image_size=[64, 96])
        assert found.network.image_size == (64, 96)
        mixing.resize((64, 96))
        expected = Model(mixing).predict(image)["depth"]
        assert np.unique(expected).size > 1000
        np.testing.assert_array_equal(found.predict(image)["depth"], expected)
        saved = load(write_checkpoint(mixing, tmp_path / "resized.ckpt"))
        assert saved.network.image_size == (64, 96)
        np.testing.assert_array_equal(saved.predict(image)["depth"], expected)
        with pytest.raises(InputError, match=r"image_size: .* multiples of 32 .* got 64x100"):
            load(file, image_size=(64, 100))

    def test_missing(self, tmp_path):
        with pytest.raises(InputError, match=r"none\.ckpt: no such checkpoint"):
            load(tmp_path / "none.ckpt")
        with pytest.raises(InputError, match=r"best\.ckpt: no such checkpoint"):
            load(tmp_path)

    def test_of_a_run_the_best_or_without_validation_the_last(self, network, tmp_path):
        (tmp_path / "checkpoints").mkdir()
        for name in ("last", "best"):
            written = write_checkpoint(network, tmp_path / "checkpoints" / f"{name}.ckpt")
            assert checkpoint_file(tmp_path) == written

    @pytest.mark.parametrize("device", ["gpu", "cuda:99", "meta"])
    def test_no_such_device(self, network, device, tmp_path):
        file = write_checkpoint(network, tmp_path / "a.ckpt")
        with pytest.raises(InputError, match=f"device: '{device}' cannot be used") as caught:
            load(file, device)
        assert "\n" not in str(caught.value)

    def test_pickled_code_is_refused_and_not_run(self, tmp_path):
        class Evil:
            def __reduce__(self):
                return (open, (str(tmp_path / "was_run"), "w"))

        for name, save in (("new.ckpt", torch.save), ("old.ckpt", _pickle)):
            save({"state_dict": {}, "ctal": Evil()}, tmp_path / name)
            with pytest.raises(InputError, match=rf"{name}: (refused|not a checkpoint)") as caught:
                load(tmp_path / name)
            assert "\n" not in str(caught.value)
        assert not (tmp_path / "was_run").exists()

    def test_refused_says_so(self, tmp_path):
        torch.save({"state_dict": {}, "ctal": describe}, tmp_path / "a.ckpt")
        with pytest.raises(InputError, match="refused, since it holds pickled code"):
            load(tmp_path / "a.ckpt")

    def test_not_a_checkpoint(self, network, tmp_path):
        (tmp_path / "text.ckpt").write_text("hello")
        good = write_checkpoint(network, tmp_path / "good.ckpt").read_bytes()
        (tmp_path / "cut.ckpt").write_bytes(good[: len(good) // 2])
        damaged = bytearray(good)
        damaged[len(good) // 4 : 3 * len(good) // 4] = bytes(len(good) // 2)
        (tmp_path / "damaged.ckpt").write_bytes(damaged)
        weights = next(v for v in network.state_dict().values() if v.numel() > 99).numpy().tobytes()
        (tmp_path / "weights.ckpt").write_bytes(good.replace(weights, bytes(len(weights))))
        for name in ("text.ckpt", "cut.ckpt", "damaged.ckpt", "weights.ckpt"):
            with pytest.raises(InputError, match=f"{name}: not a checkpoint") as caught:
                load(tmp_path / name)
            assert "\n" not in str(caught.value)

    @pytest.mark.parametrize("content", [{"state_dict": {}}, [1, 2], {"ctal": {}}])
    def test_no_description(self, content, tmp_path):
        torch.save(content, tmp_path / "a.ckpt")
        with pytest.raises(InputError, match=r"without '(ctal|state_dict)'"):
            load(tmp_path / "a.ckpt")

    @pytest.mark.parametrize(
        "description",
        [
            "text",
            {"class": 3, "arguments": {}, "tasks": []},
            {"class": "os.system", "arguments": {}, "tasks": []},
        ],
    )
    def test_a_description_that_fits_nothing(self, description, tmp_path):
        content = {"state_dict": {"w": torch.ones(1)}, "ctal": description}
        torch.save(content, tmp_path / "a.ckpt")
        with pytest.raises(InputError, match=r"a\.ckpt: "):
            load(tmp_path / "a.ckpt")

    def test_weights_of_another_network(self, network, tmp_path):
        other = SharedEncoderNet(TASKS, "test_efficientnet", image_size=(32, 64))
        state = {f"network.{name}": value for name, value in other.state_dict().items()}
        torch.save({"state_dict": state, "ctal": describe(network)}, tmp_path / "a.ckpt")
        with pytest.raises(
            InputError, match=r"a\.ckpt: .* not those of the SharedEncoderNet"
        ) as caught:
            load(tmp_path / "a.ckpt")
        assert "\n" not in str(caught.value)


def _pickle(content, path):
    path.write_bytes(pickle.dumps(content))
