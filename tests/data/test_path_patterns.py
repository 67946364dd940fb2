"""Path patterns: matching of fields, and paths formatted from values."""

from pathlib import Path

import pytest

from ctal.data.path_patterns import PathPattern, SampleNames, fields_of, top_folders
from ctal.errors import InputError

ROOT = Path("a (root) with {braces}")


@pytest.mark.parametrize(
    ("pattern", "file", "expected"),
    [
        ("{name}.png", "x.png", {"name": "x"}),
        ("{name}.png", "deep/x.PNG", {"name": "deep/x"}),
        ("{name}.png", "x.jpg", None),
        ("{name}.*", "x.v2.npy", {"name": "x.v2"}),
        ("{name}.*", "x.txt", None),
        ("{name}", "x.png", {"name": "x.png"}),
        ("{name}_left.png", "x_left.png", {"name": "x"}),
        ("{name}_left.png", "x_LEFT.png", None),
        ("{scene}/color/{frame}.jpg", "s1/color/7.jpg", {"scene": "s1", "frame": "7"}),
        ("{scene}/color/{frame}.jpg", "s1/color/more/7.jpg", None),
        ("{scene}/color/{frame}.jpg", "s1/sub/color/7.jpg", None),
        ("{name}/color/{frame}.jpg", "s1/sub/color/7.jpg", {"name": "s1/sub", "frame": "7"}),
        ("{scene}_{frame}/{scene}.png", "a_b_7/a_b.png", {"scene": "a_b", "frame": "7"}),
        ("{scene}_{frame}/{scene}.png", "a_b_7/a.png", {"scene": "a", "frame": "b_7"}),
        ("{scene}_{frame}/{scene}.png", "a_b_7/b.png", None),
        ("{name}/depth/*.png", "kv1/0001/depth/123-456.png", {"name": "kv1/0001"}),
        ("{name}/depth/*.png", "kv1/0001/depth/more/123.png", None),
        ("cam+[1]/{name}.png", "cam+[1]/x.png", {"name": "x"}),
        ("a/{name}.v1/{frame}.bin", "a/x.v1/3.BIN", {"name": "x", "frame": "3"}),
        ("img{name}.png", "img.1.png", None),  # hidden by its name
        ("./a//{name}.png", "a/x.png", {"name": "x"}),
    ],
)
def test_fields_match_parts_of_a_path(pattern, file, expected):
    for root in (ROOT, Path(".")):
        parsed = PathPattern(root, pattern)
        assert parsed.match(root / file) == expected
        if expected and "*" not in pattern:
            assert str(parsed.path(expected)).lower() == str(root / file).lower()
    assert PathPattern(ROOT, pattern).match(Path("elsewhere") / file) is None


@pytest.mark.parametrize("pattern", ["", "a.png", "{}", "{a b}", "{name", "{name}}", "{1}/{name}"])
def test_a_pattern_requires_fields_and_no_other_braces(pattern):
    with pytest.raises(InputError, match=r"expected a path with \{name\} or other fields"):
        fields_of(pattern)


@pytest.mark.parametrize(
    ("pattern", "file", "expected"),
    [
        ("image/{name}.png", "image/x.txt", True),
        ("image/{name}.png", "image/sub/x.txt", True),
        ("image/{name}.png", "other/x.txt", False),
        ("{scene}/color/{frame}.jpg", "s1/color/x.txt", True),
        ("{scene}/color/{frame}.jpg", "s1/pose/x.txt", False),
        ("{scene}/color/{frame}.jpg", "s1/color/sub/x.txt", False),
        ("{name}.png", "x.txt", True),
        ("{name}.png", "sub/x.txt", True),
        ("{frame}.png", "x.txt", True),
        ("{frame}.png", "sub/x.txt", False),
    ],
)
def test_a_pattern_covers_only_the_folders_of_its_files(pattern, file, expected):
    for root in (ROOT, Path(".")):
        assert PathPattern(root, pattern).covers(root / file) == expected


def test_only_the_topmost_folders_are_listed():
    patterns = ["a/{name}.png", "a/b/{name}.png", "c/x{name}.png", "d/*/{name}.png"]
    found = top_folders(PathPattern(ROOT, pattern) for pattern in patterns)
    assert found == [ROOT / "a", ROOT / "c", ROOT / "d"]


def test_names_join_the_fields_and_can_be_parsed():
    names = SampleNames(["name", "frame"])
    values = {"name": "kv1/b3do", "frame": "7"}
    assert names.join(values) == "kv1/b3do/7"
    assert names.values("kv1/b3do/7") == values
    with pytest.raises(InputError, match=r"names of the form \{name\}/\{frame\}, got '7'"):
        names.values("7")
