"""Reading and writing of videos, with videos encoded by FFmpeg."""

import sys
from itertools import islice

import pytest
import torch

from ctal.errors import InputError, UnreadableError
from ctal.io import video
from ctal.io.video import Frame, camera_frames, video_frames, write_video

av = pytest.importorskip("av", reason="videos need PyAV, the extra `video`")


def frames(count, size=(48, 64)):
    """Yield a square that moves to the right, four frames per second."""
    for number in range(count):
        pixels = torch.full((3, *size), 30, dtype=torch.uint8)
        pixels[0, 10:30, 8 + 4 * number : 24 + 4 * number] = 250
        yield Frame(pixels, number / 4)


def test_written_frames_are_read_back(tmp_path):
    write_video(tmp_path / "a.mp4", frames(5))
    found = list(video_frames(tmp_path / "a.mp4"))
    assert [frame.seconds for frame in found] == pytest.approx([0, 0.25, 0.5, 0.75, 1], abs=0.01)
    for frame, expected in zip(found, frames(5), strict=True):
        assert frame.pixels.dtype == torch.uint8
        difference = (frame.pixels.float() - expected.pixels.float()).abs()
        assert difference.mean() < 8  # colors of H.264 have half the resolution


def test_odd_sizes_are_padded_with_a_white_line(tmp_path):
    write_video(tmp_path / "a.mp4", frames(1, (47, 63)))
    (frame,) = video_frames(tmp_path / "a.mp4")
    assert frame.pixels.shape == (3, 48, 64)
    assert (frame.pixels[:, 47, :60] > 150).all()


def test_a_truncated_video_yields_the_frames_before(tmp_path):
    with av.open(str(tmp_path / "a.ts"), "w", format="mpegts") as container:
        stream = container.add_stream("mpeg2video", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for frame in frames(20):
            array = frame.pixels.permute(1, 2, 0).numpy().copy()
            container.mux(stream.encode(av.VideoFrame.from_ndarray(array, format="rgb24")))
        container.mux(stream.encode(None))
    whole = (tmp_path / "a.ts").read_bytes()
    assert len(list(video_frames(tmp_path / "a.ts"))) == 20
    (tmp_path / "cut.ts").write_bytes(whole[: len(whole) * 2 // 3])
    found = 0
    try:
        for _ in video_frames(tmp_path / "cut.ts"):
            found += 1
    except UnreadableError as error:
        assert "cannot be read" in str(error)  # noqa: PT017 - FFmpeg may also conceal the cut
    assert 3 < found < 20


@pytest.mark.parametrize("content", [b"", b"text", b"\x00\x00\x00\x18ftypmp42" + bytes(99)])
def test_a_file_that_is_not_a_video_is_refused(tmp_path, content):
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(UnreadableError, match=r"a\.mp4: the video cannot be read") as caught:
        list(video_frames(tmp_path / "a.mp4"))
    assert "\n" not in str(caught.value)


def test_a_broken_source_ends_the_video_and_is_reported(tmp_path):
    def broken():
        yield from frames(3)
        raise UnreadableError("a: frame 4 cannot be read")

    with pytest.raises(UnreadableError, match="frame 4"):
        write_video(tmp_path / "a.mp4", broken())
    assert len(list(video_frames(tmp_path / "a.mp4"))) == 3
    with pytest.raises(InputError, match="at once"):
        write_video(tmp_path / "b.mp4", _raising(InputError("at once")))
    assert [file.name for file in tmp_path.iterdir()] == ["a.mp4"]


def _raising(error):
    raise error
    yield


def test_ctrl_c_ends_a_camera_and_interrupts_other_videos(tmp_path):
    def interrupted():
        yield from frames(3)
        raise KeyboardInterrupt

    write_video(tmp_path / "camera.mp4", interrupted(), endless=True)
    assert len(list(video_frames(tmp_path / "camera.mp4"))) == 3
    with pytest.raises(KeyboardInterrupt):
        write_video(tmp_path / "a.mp4", interrupted())
    assert [file.name for file in tmp_path.iterdir()] == ["camera.mp4"]


def test_a_camera(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    opened = []

    def test_source(source, mode="r", format=None, metadata_errors="strict"):
        opened.append((source, format))
        return av.open("testsrc=size=64x48:rate=5", format="lavfi")

    monkeypatch.setattr(video, "_av", lambda: _Fake(test_source))
    found = list(islice(camera_frames(1), 3))
    assert opened == [("/dev/video1", "v4l2")]
    assert [frame.pixels.shape for frame in found] == [(3, 48, 64)] * 3
    assert [frame.seconds for frame in found] == pytest.approx([0, 0.2, 0.4])


class _Fake:
    error = av.error

    def __init__(self, function):
        self.open = function


def test_a_missing_camera_or_an_unsupported_system_is_refused(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(UnreadableError, match="camera:77: the video cannot be read"):
        next(camera_frames(77))
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(InputError, match="on Linux and macOS only"):
        camera_frames(0)


def test_without_pyav(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(InputError, match=r"pip install 'ctal\[video\]'"):
        next(video_frames(tmp_path / "a.mp4"))
