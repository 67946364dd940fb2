from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ctal.errors import InputError
from ctal.io.images import read_image
from ctal.io.sources import Source, find_images, find_sources, output_names, skipped_images


def test_folder_glob_and_file(folder):
    found = ["pictures/a.jpg", "pictures/b.2.PNG"]
    assert [str(f) for f in find_images(["pictures"])] == found
    assert [str(f) for f in find_images(["pictures/*.jpg"])] == found[:1]
    assert [str(f) for f in find_images(["**/*.PNG"])] == found[1:]
    assert [str(f) for f in find_images(["pictures/b.2.PNG", "pictures"])] == found[::-1]


def test_a_name_with_brackets_is_a_file_first(folder):
    (folder / "x[1].png").write_bytes(b"")
    assert [str(f) for f in find_images(["x[1].png"])] == ["x[1].png"]


@pytest.mark.parametrize("entry", ["none", "pictures/*.gif", "empty"])
def test_an_input_without_a_match_is_refused(folder, entry):
    (folder / "empty").mkdir()
    with pytest.raises(InputError, match="expected an image, a folder") as caught:
        find_sources(["pictures", entry])
    assert str(caught.value).startswith(entry)


def test_videos_in_a_folder_and_cameras(folder):
    (folder / "pictures" / "clip.mp4").write_bytes(b"")
    (folder / "pictures" / "clip.mp3").write_bytes(b"")
    found = find_sources(["pictures", "camera", "camera:2"])
    assert [(str(s.path), s.moves, s.camera) for s in found] == [
        ("pictures/a.jpg", False, None),
        ("pictures/b.2.PNG", False, None),
        ("pictures/clip.mp4", True, None),
        ("camera", True, 0),
        ("camera:2", True, 2),
    ]
    assert output_names(found) == ["a", "b.2", "clip", "camera0", "camera2"]


def test_find_images_refuses_videos_and_cameras(folder):
    (folder / "pictures" / "clip.mp4").write_bytes(b"")
    for entry, name in (("pictures", "pictures/clip.mp4"), ("camera", "camera")):
        with pytest.raises(
            InputError, match=f"^{name}: expected images, got a video, an animation"
        ):
            find_images([entry])


def test_a_file_named_camera_is_a_file(folder):
    (folder / "camera").write_bytes(b"")
    (source,) = find_sources(["camera"])
    assert source.camera is None


def test_same_names_get_numbers():
    names = ["x/a.png", "y/a.jpg", "a-2.png", "z/a.gif"]
    sources = [Source(Path(name)) for name in names]
    assert output_names(sources) == ["a", "a-2", "a-2-2", "a-3"]


def test_skipped_images_are_reported(folder):
    for name in ("a.DNG", "b.exr", "c.heic", "notes.txt", "._d.dng", "e.jxl"):
        (folder / "pictures" / name).write_bytes(b"?")
    Image.new("RGB", (4, 4)).save(folder / "pictures" / "photo", "PNG")
    lines = {Path(line.partition(": skipped; it is ")[0]).name: line for line in
             skipped_images(["pictures", "pictures/a.jpg"])}  # fmt: skip
    assert set(lines) - {"c.heic"} == {"a.DNG", "b.exr", "e.jxl", "photo"}
    assert "a camera raw format" in lines["a.DNG"]
    assert "an image without the ending" in lines["photo"]
    assert [str(s.path) for s in find_sources(["pictures"])][:2] == [
        "pictures/a.jpg",
        "pictures/b.2.PNG",
    ]


def test_a_folder_of_skipped_images_is_reported_with_advice(folder):
    (folder / "raw").mkdir()
    (folder / "raw" / "a.CR2").write_bytes(b"?")
    with pytest.raises(
        InputError, match=r"^raw: contains no image .*; raw/a\.CR2: skipped; it is a "
    ):
        find_sources(["raw"])


COLORS = [(200, 0, 0), (0, 200, 0), (0, 0, 200)]


def write_animation(path, duration=200):
    images = [Image.new("RGB", (16, 12), color) for color in COLORS]
    options = {} if path.suffix == ".gif" else {"lossless": True}
    images[0].save(path, save_all=True, append_images=images[1:], duration=duration, **options)
    return path


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png", "a.apng"])
def test_an_animated_image_has_frames(tmp_path, name):
    source = Source(write_animation(tmp_path / name))
    assert source.moves
    frames = list(source.frames())
    assert [frame.seconds for frame in frames] == pytest.approx([0, 0.2, 0.4])
    for frame, color in zip(frames, COLORS, strict=True):
        assert frame.pixels.shape == (3, 12, 16)
        assert np.abs(frame.pixels[:, 5, 5].numpy() - np.array(color)).max() <= 2
    with pytest.raises(InputError, match="expected images, got a video, an animation or a camera"):
        find_images([str(tmp_path / name)])


def test_without_pyav_an_animation_is_an_image_with_a_warning(tmp_path, monkeypatch):
    path = write_animation(tmp_path / "a.gif")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert not Source(path).moves
    with pytest.warns(UserWarning, match=r"a\.gif: has 3 frames or pages; only the first"):
        assert read_image(path)[:, 0, 0].tolist() == [200, 0, 0]


def test_pages_are_not_frames(tmp_path):
    images = [Image.new("RGB", (16, 12), color) for color in COLORS]
    images[0].save(tmp_path / "a.tif", save_all=True, append_images=images[1:])
    assert not Source(tmp_path / "a.tif").moves
    with pytest.warns(UserWarning, match=r"a\.tif: has 3 frames or pages; only the first one"):
        assert read_image(tmp_path / "a.tif")[:, 0, 0].tolist() == [200, 0, 0]


@pytest.mark.filterwarnings("error")
def test_a_single_frame_is_an_image(tmp_path):
    for name in ("a.gif", "a.tif", "a.png", "a.webp"):
        Image.new("RGB", (16, 12)).save(tmp_path / name)
        assert not Source(tmp_path / name).moves
        read_image(tmp_path / name)


def test_motion_jpeg_is_a_video(tmp_path):
    av = pytest.importorskip("av", reason="videos need PyAV, the extra `video`")
    path = tmp_path / "a.mjpeg"
    with av.open(str(path), "w", format="mjpeg") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 16, 16, "yuvj420p"
        for value in (0, 100, 200):
            frame = av.VideoFrame.from_ndarray(np.full((16, 16, 3), value, np.uint8), "rgb24")
            container.mux(stream.encode(frame.reformat(format="yuvj420p")))
        container.mux(stream.encode(None))
    (source,) = find_sources([str(tmp_path)])
    assert source.moves
    assert len(list(source.frames())) == 3
