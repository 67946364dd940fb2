from pathlib import Path

import pytest

from ctal.errors import InputError
from ctal.io.sources import Source, find_images, find_sources, output_names


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
def test_nothing_matches(folder, entry):
    (folder / "empty").mkdir()
    with pytest.raises(InputError, match="expected a picture, a folder") as caught:
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


def test_only_pictures(folder):
    (folder / "pictures" / "clip.mp4").write_bytes(b"")
    for entry, name in (("pictures", "pictures/clip.mp4"), ("camera", "camera")):
        with pytest.raises(InputError, match=f"^{name}: expected pictures, got a video or camera"):
            find_images([entry])


def test_a_file_called_camera_is_a_file(folder):
    (folder / "camera").write_bytes(b"")
    (source,) = find_sources(["camera"])
    assert source.camera is None


def test_same_names_get_numbers():
    names = ["x/a.png", "y/a.jpg", "a-2.png", "z/a.gif"]
    sources = [Source(Path(name)) for name in names]
    assert output_names(sources) == ["a", "a-2", "a-2-2", "a-3"]
