import pickle

import numpy as np
import pytest
import torch
from tests.small_networks import TASKS, write_checkpoint

import ctal
from ctal.errors import InputError
from ctal.inference import Model
from ctal.inference.loading import load
from ctal.networks import SharedEncoderNet, describe
from ctal.networks.source import checkpoint_file


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
        with pytest.raises(InputError, match=r"none\.ckpt: checkpoint not found"):
            load(tmp_path / "none.ckpt")
        with pytest.raises(InputError, match=r"best\.ckpt: checkpoint not found"):
            load(tmp_path)

    def test_a_run_folder_loads_its_best_or_else_its_last_checkpoint(self, network, tmp_path):
        (tmp_path / "checkpoints").mkdir()
        for name in ("last", "best"):
            written = write_checkpoint(network, tmp_path / "checkpoints" / f"{name}.ckpt")
            assert checkpoint_file(tmp_path) == written

    @pytest.mark.parametrize("device", ["gpu", "cuda:99", "meta"])
    def test_an_unavailable_device_is_refused(self, network, device, tmp_path):
        file = write_checkpoint(network, tmp_path / "a.ckpt")
        with pytest.raises(InputError, match=f"device: '{device}' cannot be used") as caught:
            load(file, device)
        assert "\n" not in str(caught.value)

    def test_pickled_code_is_rejected_and_not_executed(self, tmp_path):
        class Evil:
            def __reduce__(self):
                return (open, (str(tmp_path / "was_run"), "w"))

        for name, save in (("new.ckpt", torch.save), ("old.ckpt", _pickle)):
            save({"state_dict": {}, "ctal": Evil()}, tmp_path / name)
            with pytest.raises(InputError, match=rf"{name}: (refused|not a checkpoint)") as caught:
                load(tmp_path / name)
            assert "\n" not in str(caught.value)
        assert not (tmp_path / "was_run").exists()

    def test_a_refused_file_is_reported(self, tmp_path):
        torch.save({"state_dict": {}, "ctal": describe}, tmp_path / "a.ckpt")
        with pytest.raises(InputError, match="refused, since it contains pickled code"):
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
    def test_a_checkpoint_without_description_is_refused(self, content, tmp_path):
        torch.save(content, tmp_path / "a.ckpt")
        with pytest.raises(
            InputError, match=r"without '(ctal|state_dict)'|derives from ctal\.networks\.Network"
        ):
            load(tmp_path / "a.ckpt")

    @pytest.mark.parametrize(
        "description",
        [
            "text",
            {"class": 3, "arguments": {}, "tasks": []},
            {"class": "os.system", "arguments": {}, "tasks": []},
        ],
    )
    def test_an_invalid_description_is_refused(self, description, tmp_path):
        content = {"state_dict": {"w": torch.ones(1)}, "ctal": description}
        torch.save(content, tmp_path / "a.ckpt")
        with pytest.raises(InputError, match=r"a\.ckpt: "):
            load(tmp_path / "a.ckpt")

    def test_weights_of_another_network_are_refused(self, network, tmp_path):
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
