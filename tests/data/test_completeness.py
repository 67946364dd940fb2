import pytest

from ctal.data.completeness import allowing_incomplete, check_present
from ctal.errors import InputError


def test_missing_files_are_reported_unless_their_sample_reports_them(tmp_path):
    (tmp_path / "a").touch()
    both, none = [tmp_path / "a", tmp_path / "b"], [tmp_path / "b", tmp_path / "c"]
    with pytest.raises(InputError, match=r"/b: expected a file for each of the 2 samples, 1 are"):
        check_present(both, samples=2)
    check_present(both, samples=2, optional=True)
    with allowing_incomplete():
        check_present(none, samples=2)
        # no sample would report it: each may lack its file
        with pytest.raises(InputError, match="file not found, and no other of the 2"):
            check_present(none, samples=2, optional=True)
