import warnings
from pathlib import Path

import pytest
from torch.utils.data import DataLoader, Dataset

import ctal
from ctal.errors import InputError, shorten_warnings


class Broken(Dataset):
    def __len__(self):
        return 1

    def __getitem__(self, index):
        try:
            raise OSError("inner")
        except OSError as error:
            raise InputError("photo.jpg: expected a picture, got: nothing") from error


@pytest.mark.parametrize("num_workers", [0, 1])
def test_the_error_line_survives_a_worker_process(num_workers):
    with pytest.raises(InputError) as caught:
        next(iter(DataLoader(Broken(), num_workers=num_workers)))
    assert str(caught.value) == "photo.jpg: expected a picture, got: nothing"


def test_a_file_name_cannot_break_the_line():
    error = InputError("a\nb\x1b[2J\udcff.png: expected a picture")
    assert str(error) == "a\\nb\\x1b[2J\\udcff.png: expected a picture"


def test_only_own_warnings_are_shortened(monkeypatch):
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)  # restored at the end
    shorten_warnings()
    own = Path(ctal.__file__).parent / "data" / "labels.py"
    line = warnings.formatwarning("depth: far\nfrom here", UserWarning, str(own), 7)
    assert line == "warning: depth: far\\nfrom here\n"
    other = warnings.formatwarning("far", UserWarning, "/elsewhere/labels.py", 7, "code()")
    assert other.startswith("/elsewhere/labels.py:7: UserWarning: far")


def test_a_format_that_is_set_is_not_wrapped_again(monkeypatch):
    monkeypatch.setattr(warnings, "formatwarning", lambda *parts: "usual")
    shorten_warnings()
    once = warnings.formatwarning
    shorten_warnings()
    assert warnings.formatwarning is once
