"""Encoders from timm, pyramids and plain ViTs: shapes, normalization, weights, sizes."""

import pickle
import socket

import pytest
import timm
import torch
from huggingface_hub import constants
from safetensors.torch import save_file
from tests.networks import small_models  # noqa: F401 - makes timm know small_swin, small_dinov2

from ctal.errors import InputError
from ctal.networks import Encoder
from ctal.networks.encoders.bodies import create_body, is_hrnet, set_upsampling


@pytest.mark.parametrize(
    ("name", "out_channels"),
    [
        ("hrnet_w18_small_v2", [18, 36, 72, 144]),
        ("test_resnet", [32, 48, 192, 96]),
        ("test_convnext", [24, 32, 48, 64]),
        ("test_mambaout", [16, 32, 48, 64]),  # channels last inside
        ("swinv2_cr_tiny_ns_224", [96, 192, 384, 768]),  # defined for one image size
        ("small_swin", [24, 48, 96, 192]),  # both of it
        ("test_vit", [8, 16, 32, 64]),  # 64 channels at stride 16
        ("small_dinov2", [24, 48, 96, 192]),  # in patches of 14
        ("eva02_tiny_patch14_224", [24, 48, 96, 192]),  # with rotary position embeddings
    ],
)
def test_pyramid_is_channels_first_at_strides_4_to_32(name, out_channels):
    encoder = Encoder(name, image_size=(64, 96)).eval()
    with torch.no_grad():
        scales = encoder(torch.rand(1, 3, 64, 96))
    assert encoder.out_channels == out_channels
    assert [tuple(x.shape) for x in scales] == [
        (1, width, 64 // s, 96 // s) for width, s in zip(out_channels, (4, 8, 16, 32), strict=True)
    ]


@pytest.mark.parametrize(
    ("name", "resampled"),
    [
        ("test_convnext", 0),
        ("swin_tiny_patch4_window7_224", 8),  # its tables of relative positions
        ("swinv2_tiny_window8_256", 0),  # which computes them
        ("small_dinov2", 1),  # its position embeddings
        ("eva02_tiny_patch14_224", 1),
    ],
)
def test_a_resized_encoder_equals_one_created_at_that_size(name, resampled):
    encoder = Encoder(name, image_size=(64, 96)).eval()
    encoder.body.requires_grad_(False)
    before, state = dict(encoder.named_parameters()), torch.get_rng_state()
    encoder.resize((96, 128))
    assert encoder.size == (96, 128)
    assert torch.equal(torch.get_rng_state(), state)
    after = dict(encoder.named_parameters())
    assert sum(after[n] is not before[n] for n in before) == resampled
    assert not any(p.requires_grad for p in encoder.body.parameters())
    made = Encoder(name, image_size=(96, 128)).eval()
    made.load_state_dict(encoder.state_dict())
    images = torch.rand(1, 3, 96, 128)
    with torch.no_grad():
        for one, other in zip(encoder(images), made(images), strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=0)


@pytest.mark.parametrize("size", [(64, 64), (96, 64)])
def test_an_encoder_with_weights_for_one_size_cannot_be_resized(size):
    """Not even to a size with as many pixels, for which the weights have the same shape."""
    encoder = Encoder("efficientformerv2_s0", image_size=(64, 96)).eval()
    images = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        before = encoder(images)
        with pytest.raises(
            InputError, match=r"'efficientformerv2_s0' cannot be .* 64x96 to \d+x64"
        ):
            encoder.resize(size)
        encoder.resize((64, 96))
        torch.testing.assert_close(encoder(images), before, rtol=0, atol=0)


def test_hrnet_has_the_parameters_of_the_paper():
    encoder = Encoder("hrnet_w18_small_v2", image_size=(64, 64))
    assert sum(p.numel() for p in encoder.parameters()) == 3_860_720


def test_images_are_normalized_with_the_statistics_of_pretraining():
    encoder = Encoder("test_mambaout", image_size=(64, 64)).eval()
    seen = []
    encoder.body.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    encoder((mean + 2 * std).view(1, 3, 1, 1).expand(1, 3, 64, 64))
    torch.testing.assert_close(seen[0], torch.full((1, 3, 64, 64), 2.0))


def test_a_plain_vit_has_as_many_patches_as_pixels_at_stride_16():
    encoder = Encoder("small_dinov2", image_size=(64, 96)).eval()
    seen = []
    encoder.body.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    columns = torch.linspace(0, 1, 97)[:-1] + 1 / 192  # a ramp, at the middle of each pixel
    with torch.no_grad():
        encoder(columns.expand(1, 3, 64, 96))
    found = (seen[0] * encoder.std + encoder.mean)[0, 0]
    assert found.shape == (56, 84)
    expected = torch.linspace(0, 1, 85)[:-1] + 1 / 168
    torch.testing.assert_close(found, expected.expand(56, 84), rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", [(64, 96), (128, 128)])
@pytest.mark.parametrize("name", ["test_vit", "small_dinov2"])
def test_position_embeddings_of_a_file_are_resampled(tmp_path, name, size):
    """The reference is timm's dynamic version, which resamples them in every forward pass."""
    source = timm.create_model(name, dynamic_img_size=True).eval()
    save_file(source.state_dict(), tmp_path / "weights.safetensors")
    path = str(tmp_path / "weights.safetensors")
    encoder = Encoder(name, image_size=size, pretrained=path).eval()
    images = torch.rand(1, 3, *(side // 16 * source.patch_embed.patch_size[0] for side in size))
    depth = len(source.blocks)
    indices = [-(-depth * level // 4) - 1 for level in (1, 2, 3, 4)]
    with torch.no_grad():
        maps = source.forward_intermediates(images, indices=indices, intermediates_only=True)
        for one, other in zip(encoder.body(images), maps, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_weights_for_another_size(tmp_path):
    save_file(timm.create_model("efficientformerv2_s0").state_dict(), tmp_path / "own.safetensors")
    with pytest.raises(
        InputError, match=r"do not fit .*64x96: .*size mismatch.*designed for 224x224"
    ):
        Encoder(
            "efficientformerv2_s0",
            image_size=(64, 96),
            pretrained=str(tmp_path / "own.safetensors"),
        )


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


def test_invalid_weights_files(tmp_path, capsys):
    def load(path):
        Encoder("test_resnet", image_size=(64, 64), pretrained=str(path))

    with pytest.raises(InputError, match=r"missing\.pth. not found"):
        load(tmp_path / "missing.pth")
    (tmp_path / "text.safetensors").write_text("hello")
    (tmp_path / "text.pth").write_text("root:x:0:0:root:/root:/bin/bash\n")
    (tmp_path / "code.pth").write_bytes(pickle.dumps(_Code()))
    for name in ("text.safetensors", "text.pth", "code.pth"):
        with pytest.raises(InputError, match=f"expected a file of plain tensors .*{name}"):
            load(tmp_path / name)
    assert "must not run" not in capsys.readouterr().out
    save_file({"weight": torch.ones(3, 3)}, tmp_path / "other.safetensors")
    with pytest.raises(InputError, match="expected weights of 'test_resnet', got others"):
        load(tmp_path / "other.safetensors")


def test_an_unavailable_hub_suggests_local_files(monkeypatch):
    def unreachable(*args, **options):
        if options.get("pretrained"):
            raise OSError("no connection")
        return create(*args, **options)

    create = timm.create_model
    monkeypatch.setattr(timm, "create_model", unreachable)
    with pytest.raises(InputError, match=r"path of a local .safetensors file"):
        Encoder("test_resnet", image_size=(64, 64), pretrained=True)


def test_a_local_file_never_accesses_the_hub(tmp_path, monkeypatch):
    # timm creates this ViT on a ResNet, which accesses the hub by itself
    name = "vit_small_resnet26d_224"
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("asked the hub"))
    save_file(timm.create_model(name).state_dict(), tmp_path / "own.safetensors")
    with pytest.raises(InputError, match=r"downloads the stem of .*another encoder"):
        Encoder(name, image_size=(64, 64), pretrained=str(tmp_path / "own.safetensors"))
    assert constants.HF_HUB_OFFLINE is False


def test_invalid_sizes():
    with pytest.raises(InputError, match=r"multiples of 32.*got 100x128"):
        Encoder("test_resnet", image_size=(100, 128))
    with pytest.raises(InputError, match=r"multiples of 32.*got 64x100"):
        Encoder("test_resnet", image_size=(64, 64)).resize((64, 100))
    with pytest.raises(InputError, match=r"^image_size: .*'convit_tiny' .*64x96.*224x224"):
        Encoder("convit_tiny", image_size=(64, 64)).resize((64, 96))


def test_every_hrnet_has_the_requested_upsampling():
    names = timm.list_models("hrnet_*")
    assert "hrnet_w18_small_v2" in names
    for name in names:
        assert is_hrnet(name)
        with torch.device("meta"):
            body = create_body(name)
        parts = [part for part in body.modules() if isinstance(part, torch.nn.Upsample)]
        for mode in ("bilinear", "nearest"):
            set_upsampling(body, mode)
            assert [part.mode for part in parts] == [mode] * len(parts) != [], name
    assert not is_hrnet("test_resnet")


def test_upsampling_between_branches_is_bilinear_by_default():
    maps = {}
    for options in ({}, {"upsampling": "bilinear"}, {"upsampling": "nearest"}):
        torch.manual_seed(0)
        encoder = Encoder("hrnet_w18_small", image_size=(64, 64), **options).eval()
        with torch.no_grad():
            maps[options.get("upsampling")] = encoder(torch.ones(1, 3, 64, 64).cumsum(3) / 64)[0]
    torch.testing.assert_close(maps[None], maps["bilinear"], rtol=0, atol=0)
    assert not torch.allclose(maps["bilinear"], maps["nearest"], atol=1e-3)


def test_an_unknown_upsampling_is_rejected():
    with pytest.raises(InputError, match=r"upsampling: expected one of .*, got 'cubic'"):
        Encoder("test_resnet", image_size=(64, 64), upsampling="cubic")
