"""Files of samples for equivalent patterns."""

import os

import pytest

from ctal.data.folder_files import FolderFiles
from ctal.errors import InputError


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def names(root, patterns):
    return list(FolderFiles(root, patterns).found)


@pytest.mark.parametrize(
    "pattern",
    [
        "image/{name}.jpg",
        "./image//{name}.jpg",
        "../photos/image/{name}.jpg",
        ".cache/../image/{name}.jpg",
        ".hidden/{name}.jpg",
        "{root}/image/{name}.jpg",
    ],
)
def test_equivalent_spellings_of_a_pattern_match_the_same_files(tmp_path, monkeypatch, pattern):
    root = tmp_path / "photos"
    for folder in ("image", ".hidden", ".cache"):
        for name in ("b/2", "a", "._a", ""):  # hidden files and ".jpg" are not samples
            touch(root / folder / f"{name}.jpg")
    pattern = pattern.replace("{root}", str(root))
    monkeypatch.chdir(tmp_path)
    assert names(root, pattern) == ["a", "b/2"]
    assert names(root.relative_to(tmp_path), pattern) == ["a", "b/2"]


def test_names_of_several_patterns_are_merged(tmp_path):
    for file in ("image/a.jpg", "image/b.jpg", "depth/b.png", "depth/c.png", "depth/c.txt"):
        touch(tmp_path / file)
    with pytest.raises(InputError, match=r"depth/b\.png: expected one .* also .*image/b\.jpg"):
        names(tmp_path, ["depth/{name}.png", "image/{name}.jpg"])
    (tmp_path / "image/b.jpg").unlink()
    assert names(tmp_path, ["image/{name}.jpg", "depth/{name}.png"]) == ["a", "b", "c"]


def test_links_to_folders_are_followed_without_infinite_recursion(tmp_path):
    touch(tmp_path / "elsewhere" / "1.png")
    (tmp_path / "image").mkdir()
    (tmp_path / "image" / "aachen").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "image" / "bonn").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "up").symlink_to(tmp_path / "image")
    (tmp_path / "image" / "self").symlink_to("self")
    assert names(tmp_path, "image/{name}.png") == ["aachen/1", "bonn/1"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list every folder")
def test_an_unreadable_folder_is_reported(tmp_path):
    touch(tmp_path / "image" / "a.png")
    (tmp_path / "image").chmod(0)
    with pytest.raises(InputError, match=r"image: cannot be listed \(Permission denied\)"):
        names(tmp_path, "image/{name}.png")
    (tmp_path / "image").chmod(0o755)


def test_endings_match_in_any_case(tmp_path):
    for file in ("a.jpg", "b.JPG", "c.Jpg", "d.jpeg", "e_x.JPG", "F.jpg"):
        touch(tmp_path / file)
    assert names(tmp_path, "{name}.jpg") == ["F", "a", "b", "c", "e_x"]
    assert names(tmp_path, "{name}_x.jpg") == ["e"]
    assert names(tmp_path, "{name}_X.jpg") == []
    files = FolderFiles(tmp_path, ["{name}.JPG", "{name}.jpeg"])
    assert files.path("b") == tmp_path / "b.JPG"
    assert files.path("d") == tmp_path / "d.jpeg"
    assert files.path("none") == tmp_path / "none.JPG"
    assert files.others == []


def test_a_wildcard_matches_any_image_or_array_ending(tmp_path):
    for file in ("a.png", "b.2.JPEG", "c.npy", "d.NPZ", "a.txt", "notes", "e.xml", "f_x.tif"):
        touch(tmp_path / file)
    files = FolderFiles(tmp_path, "{name}.*")
    assert list(files.found) == ["a", "b.2", "c", "d", "f_x"]
    assert [path.name for path in files.others] == ["a.txt", "e.xml", "notes"]
    assert names(tmp_path, "{name}_x.*") == ["f"]


@pytest.mark.parametrize("patterns", ["{name}.*", "{name}.jpg", ["{name}.jpg", "{name}.JPG"]])
def test_two_files_of_one_sample_are_both_reported(tmp_path, patterns):
    for file in ("a.jpg", "a.JPG"):
        touch(tmp_path / file)
    with pytest.raises(InputError, match=r"a\.JPG: expected one file .*'a', got also .*a\.jpg"):
        names(tmp_path, patterns)


def test_patterns_without_an_ending_and_with_the_name_inside(tmp_path):
    for file in ("s/1/rgb.png", "s/2/rgb.PNG", "s/2/depth.png", "raw/x"):
        touch(tmp_path / file)
    assert names(tmp_path, "s/{name}/rgb.png") == ["1", "2"]
    assert names(tmp_path, "raw/{name}") == ["x"]
