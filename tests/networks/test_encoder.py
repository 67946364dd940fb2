"""Pyramids of timm encoders: shapes, normalisation, weights from files."""

import pickle

import pytest
import timm
import torch
from safetensors.torch import save_file

from ctal.errors import InputError
from ctal.networks import Encoder


@pytest.mark.parametrize(
    ("name", "widths"),
    [
        ("hrnet_w18_small_v2", [18, 36, 72, 144]),
        ("test_resnet", [32, 48, 192, 96]),
        ("test_convnext", [24, 32, 48, 64]),
        ("test_mambaout", [16, 32, 48, 64]),  # channels last inside
        ("swinv2_cr_tiny_ns_224", [96, 192, 384, 768]),  # made for one size of picture
    ],
)
def test_pyramid_is_channels_first_at_strides_4_to_32(name, widths):
    encoder = Encoder(name, image_size=(64, 96)).eval()
    with torch.no_grad():
        scales = encoder(torch.rand(1, 3, 64, 96))
    assert encoder.widths == widths
    assert [tuple(x.shape) for x in scales] == [
        (1, width, 64 // s, 96 // s) for width, s in zip(widths, (4, 8, 16, 32), strict=True)
    ]


@pytest.mark.parametrize(
    ("name", "resampled"),
    [
        ("test_convnext", 0),
        ("swin_tiny_patch4_window7_224", 8),  # its tables of relative positions
        ("swinv2_tiny_window8_256", 0),  # which computes them
    ],
)
def test_resized_as_one_that_is_made_for_the_size(name, resampled):
    encoder = Encoder(name, image_size=(64, 96)).eval()
    encoder.body.requires_grad_(False)
    before, state = dict(encoder.named_parameters()), torch.get_rng_state()
    encoder.resize((96, 128))
    assert encoder.size == (96, 128)
    assert torch.equal(torch.get_rng_state(), state)
    after = dict(encoder.named_parameters())
    assert sum(after[n] is not before[n] for n in before) == resampled
    assert not any(p.requires_grad for p in after.values())
    made = Encoder(name, image_size=(96, 128)).eval()
    made.load_state_dict(encoder.state_dict())
    images = torch.rand(1, 3, 96, 128)
    with torch.no_grad():
        for one, other in zip(encoder(images), made(images), strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_an_encoder_whose_weights_belong_to_a_size_cannot_be_resized():
    encoder = Encoder("efficientformerv2_s0", image_size=(64, 96)).eval()
    images = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        before = encoder(images)
        with pytest.raises(InputError, match=r"'efficientformerv2_s0' cannot be .* 64x96 to 64x64"):
            encoder.resize((64, 64))
        encoder.resize((64, 96))
        torch.testing.assert_close(encoder(images), before, rtol=0, atol=0)


def test_hrnet_has_the_papers_parameters():
    encoder = Encoder("hrnet_w18_small_v2", image_size=(64, 64))
    assert sum(p.numel() for p in encoder.parameters()) == 3_860_720


def test_pictures_are_normalised_as_the_encoder_was_trained():
    encoder = Encoder("test_mambaout", image_size=(64, 64)).eval()
    seen = []
    encoder.body.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    encoder((mean + 2 * std).view(1, 3, 1, 1).expand(1, 3, 64, 64))
    torch.testing.assert_close(seen[0], torch.full((1, 3, 64, 64), 2.0))


@pytest.mark.parametrize("ending", ["safetensors", "pth"])
def test_weights_from_a_local_file(tmp_path, ending):
    source = timm.create_model("test_resnet")
    path = tmp_path / f"weights.{ending}"
    state = source.state_dict()
    save_file(state, path) if ending == "safetensors" else torch.save(state, path)
    encoder = Encoder("test_resnet", image_size=(64, 64), pretrained=str(path))
    torch.testing.assert_close(encoder.body.conv1[0].weight, source.conv1[0].weight)
    torch.testing.assert_close(encoder.body.layer4[0].conv1.weight, source.layer4[0].conv1.weight)


class _Code:
    def __reduce__(self):
        return (print, ("this must not run",))


def test_files_that_are_no_weights(tmp_path, capsys):
    def load(path):
        Encoder("test_resnet", image_size=(64, 64), pretrained=str(path))

    with pytest.raises(InputError, match=r"no file .*missing\.pth"):
        load(tmp_path / "missing.pth")
    (tmp_path / "text.safetensors").write_text("hello")
    (tmp_path / "text.pth").write_text("root:x:0:0:root:/root:/bin/bash\n")
    (tmp_path / "code.pth").write_bytes(pickle.dumps(_Code()))
    for name in ("text.safetensors", "text.pth", "code.pth"):
        with pytest.raises(InputError, match=f"{name}.* is no file of plain tensors"):
            load(tmp_path / name)
    assert "must not run" not in capsys.readouterr().out
    save_file({"weight": torch.ones(3, 3)}, tmp_path / "other.safetensors")
    with pytest.raises(InputError, match="holds other weights than those of 'test_resnet'"):
        load(tmp_path / "other.safetensors")


def test_an_absent_hub_points_to_local_files(monkeypatch):
    def unreachable(*args, **options):
        if options.get("pretrained"):
            raise OSError("no connection")
        return create(*args, **options)

    create = timm.create_model
    monkeypatch.setattr(timm, "create_model", unreachable)
    with pytest.raises(InputError, match=r"path of a local .safetensors file"):
        Encoder("test_resnet", image_size=(64, 64), pretrained=True)


def test_errors_name_what_would_do():
    with pytest.raises(InputError, match="unknown timm model 'resnett18'; did you mean 'resnet18'"):
        Encoder("resnett18", image_size=(64, 64))
    with pytest.raises(InputError, match=r"'test_vit' has them at \(16, 16, 16\)"):
        Encoder("test_vit", image_size=(64, 64))
    with pytest.raises(InputError, match=r"multiples of 32.*got 100x128"):
        Encoder("test_resnet", image_size=(100, 128))
    with pytest.raises(InputError, match=r"multiples of 32.*got 64x100"):
        Encoder("test_resnet", image_size=(64, 64)).resize((64, 100))
