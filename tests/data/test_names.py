import pytest

from ctal.data.names import read_names
from ctal.errors import InputError


def test_lists_of_other_operating_systems_are_read(tmp_path):
    (tmp_path / "list.txt").write_bytes(b"\xef\xbb\xbf0001\r\n\r\n bonn/2 \r\n")
    assert read_names(tmp_path / "list.txt") == ["0001", "bonn/2"]


@pytest.mark.parametrize("name", ["/etc/hostname", "../elsewhere/1", "a/../../1"])
def test_a_list_cannot_lead_out_of_the_root(tmp_path, name):
    (tmp_path / "list.txt").write_text(f"a..b\n{name}\n")
    with pytest.raises(InputError, match=r"list\.txt: expected names that stay below the root"):
        read_names(tmp_path / "list.txt")


def test_a_file_that_is_not_text_is_reported(tmp_path):
    (tmp_path / "list.txt").write_bytes("0001\n".encode("utf-16"))
    with pytest.raises(InputError, match=r"names: expected a text file, got .*list\.txt"):
        read_names(tmp_path / "list.txt")
