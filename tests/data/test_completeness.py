import pytest

from ctal.data.completeness import allowing_incomplete, check_present
from ctal.errors import InputError


def test_missing_files_are_reported_unless_their_sample_reports_them(tmp_path):
    (tmp_path / "a").touch()
    both, none = [tmp_path / "a", tmp_path / "b"], [tmp_path / "b", tmp_path / "c"]
    with pytest.raises(InputError, match=r"/b: expected a file for each sample, 1 of 2 missing"):
        check_present(both)
    check_present(both, optional=True)
    with allowing_incomplete():
        check_present(none)
        # no sample would report it: each may lack its file
        with pytest.raises(
            InputError, match="/b: expected a file for at least one sample, 2 of 2 missing"
        ):
            check_present(none, optional=True)


@pytest.mark.parametrize("optional", [False, True])
def test_a_misspelt_folder_is_named(optional, tmp_path):
    with pytest.raises(InputError, match=f"; there is no folder {tmp_path}/lables, check"):
        check_present([tmp_path / "lables" / "0.png"], optional=optional)
    (tmp_path / "labels").mkdir()
    with pytest.raises(InputError, match="missing") as caught:
        check_present([tmp_path / "labels" / "0.png"], optional=optional)
    assert "no folder" not in str(caught.value)
    assert "sample, 1 of 1 missing" in str(caught.value)
