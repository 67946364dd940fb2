import pytest

from ctal.data.completeness import allowing_incomplete, check_present
from ctal.errors import InputError


def test_missing_files_are_reported_unless_their_sample_reports_them(tmp_path):
    (tmp_path / "a").touch()
    both, none = [tmp_path / "a", tmp_path / "b"], [tmp_path / "b", tmp_path / "c"]
    with pytest.raises(
        InputError, match=r"/b: expected a file for each of the 2 samples, 1 missing"
    ):
        check_present(both, samples=2)
    check_present(both, samples=2, optional=True)
    with allowing_incomplete():
        check_present(none, samples=2)
        # no sample would report it: each may lack its file
        with pytest.raises(InputError, match="/b: expected a file for at least one of the 2"):
            check_present(none, samples=2, optional=True)


@pytest.mark.parametrize("optional", [False, True])
def test_a_misspelt_folder_is_named(optional, tmp_path):
    with pytest.raises(InputError, match=f"; there is no folder {tmp_path}/lables"):
        check_present([tmp_path / "lables" / "0.png"], samples=1, optional=optional)
    (tmp_path / "labels").mkdir()
    with pytest.raises(InputError, match="missing") as caught:
        check_present([tmp_path / "labels" / "0.png"], samples=1, optional=optional)
    assert "no folder" not in str(caught.value)
    assert "the 1 sample, " in str(caught.value)
