"""Kinds of problems, and short lists of them."""

import pytest

from ctal.data_commands.grouping import grouped, kind_of


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("x/a.png: expected 10x16 pixels, got 9x16", "x/b.png: expected 480x640 pixels, got 1x2"),
        ("x/a b.png: file not found", "x/c d e.png: file not found"),
        (
            "image: expected values in 0..1, got 0 to 255",
            "image: expected values in 0..1, got -2 to 3",
        ),
        ("x/a: expected class ids 0..2, got [3, 4]", "x/b: expected class ids 0..2, got [7]"),
        ("x/a: expected the size of y/a, got (1, 2)", "x/b: expected the size of y/b, got (3, 4)"),
    ],
)
def test_a_kind_is_independent_of_files_and_numbers(one, two):
    assert kind_of("a", one) == kind_of("b", two)


def test_kinds_differ_in_their_words():
    assert kind_of("a", "x/a: file not found") != kind_of("a", "x/a: expected class ids 0..2")
    assert kind_of("a", "depth: expected meters > 0") != kind_of("a", "semseg: expected meters > 0")


def test_few_lines_are_listed_in_their_order():
    entries = [(str(i), ["b", "a"][i % 2]) for i in range(10)]
    lines = [name for name, _ in entries]
    assert grouped(entries, lines) == lines


def test_the_largest_kinds_are_first_and_many_kinds_are_summed():
    words = [chr(ord("a") + index) * 3 for index in range(26)]
    entries = [(f"s{i}", word) for i, word in enumerate(["zzz"] * 5 + words[:25])]
    shown = grouped(entries, [name for name, _ in entries])
    assert shown[:4] == ["s0", "s1", "s2", "  ... and 2 more of this kind"]
    assert shown[4:23] == [f"s{5 + index}" for index in range(19)]
    assert shown[23] == "  ... and 6 more of 6 other kinds"
    assert len(shown) == 26
