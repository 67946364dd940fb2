"""Names of samples: found in whatever way a person writes the pattern, and read from lists."""

import os

import pytest

from ctal.data.names import find_names, read_names
from ctal.errors import InputError


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


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
def test_a_pattern_may_be_written_in_any_way(tmp_path, monkeypatch, pattern):
    root = tmp_path / "photos"
    for folder in ("image", ".hidden", ".cache"):
        for name in ("b/2", "a", "._a", ""):  # hidden files are no samples, nor is ".jpg"
            touch(root / folder / f"{name}.jpg")
    pattern = pattern.replace("{root}", str(root))
    monkeypatch.chdir(tmp_path)
    assert find_names(root, [pattern]) == ["a", "b/2"]
    assert find_names(root.relative_to(tmp_path), [pattern]) == ["a", "b/2"]


def test_names_of_several_patterns_are_joined(tmp_path):
    for file in ("image/a.jpg", "image/b.jpg", "depth/b.png", "depth/c.png", "depth/c.txt"):
        touch(tmp_path / file)
    assert find_names(tmp_path, ["image/{name}.jpg", "depth/{name}.png"]) == ["a", "b", "c"]


def test_links_to_folders_are_followed_and_end(tmp_path):
    touch(tmp_path / "elsewhere" / "1.png")
    (tmp_path / "image").mkdir()
    (tmp_path / "image" / "aachen").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "image" / "bonn").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "up").symlink_to(tmp_path / "image")
    (tmp_path / "image" / "self").symlink_to("self")
    assert find_names(tmp_path, ["image/{name}.png"]) == ["aachen/1", "bonn/1"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list every folder")
def test_a_folder_that_cannot_be_listed_is_named(tmp_path):
    touch(tmp_path / "image" / "a.png")
    (tmp_path / "image").chmod(0)
    with pytest.raises(InputError, match=r"image: cannot be listed \(Permission denied\)"):
        find_names(tmp_path, ["image/{name}.png"])
    (tmp_path / "image").chmod(0o755)


def test_lists_of_other_systems_are_read(tmp_path):
    (tmp_path / "list.txt").write_bytes(b"\xef\xbb\xbf0001\r\n\r\n bonn/2 \r\n")
    assert read_names(tmp_path / "list.txt") == ["0001", "bonn/2"]


@pytest.mark.parametrize("name", ["/etc/hostname", "../elsewhere/1", "a/../../1"])
def test_a_list_cannot_lead_out_of_the_root(tmp_path, name):
    (tmp_path / "list.txt").write_text(f"a..b\n{name}\n")
    with pytest.raises(InputError, match=r"list\.txt: expected names that stay below the root"):
        read_names(tmp_path / "list.txt")


def test_what_is_no_text_is_named(tmp_path):
    (tmp_path / "list.txt").write_bytes("0001\n".encode("utf-16"))
    with pytest.raises(InputError, match=r"names: expected a text file, got .*list\.txt"):
        read_names(tmp_path / "list.txt")
