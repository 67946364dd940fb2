"""Metadata of a training run, read from an untrusted file."""

import json

import pytest

import ctal
from ctal.errors import InputError
from ctal.inference import Model

GOOD = {
    "data": {"train": "NYUv2"},
    "training": {"epochs": 3, "augmentation": ["RandomZoomCrop"], "encoder's first weights": "x"},
    "scores": {"semseg/miou": 0.5, "depth/rmse": 1},
    "scored on": "test",
}


@pytest.fixture
def saved(network, tmp_path):
    Model(network, about=GOOD).save_pretrained(tmp_path / "net")
    return tmp_path / "net"


def write(folder, about):
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "about": about}))


def test_written_metadata_is_read(saved):
    assert ctal.load(saved).about == GOOD


def test_an_undefined_score_survives_a_round_trip(saved, tmp_path):
    write(saved, {**GOOD, "scores": {"semseg/miou": None, "depth/rmse": 1.5}})
    model = ctal.load(saved)
    assert model.about["scores"] == {"semseg/miou": None, "depth/rmse": 1.5}
    model.save_pretrained(tmp_path / "again")
    assert ctal.load(tmp_path / "again").about == model.about


@pytest.mark.parametrize("key", [*GOOD, "training.epochs", "scores.semseg/miou", "data.train"])
@pytest.mark.parametrize(
    "value",
    ["<b>", [1], [[1]], {"a": {"b": 1}}, None, True, 1e999, -1, 10**400, "x" * 9999, "\ud800"],
)
def test_any_value_survives_a_round_trip_or_is_rejected(saved, tmp_path, key, value):
    section, _, name = key.partition(".")
    write(saved, {**GOOD, section: {**GOOD[section], name: value} if name else value})
    reason = None
    try:
        ctal.load(saved).save_pretrained(tmp_path / "again")
    except InputError as error:
        reason = str(error)
    assert (tmp_path / "again" / "README.md").is_file() == (reason is None)
    assert reason is None or ("config.json" in reason and "\n" not in reason)


def test_an_error_names_the_entry(saved):
    write(saved, {"scores": {"semseg/miou": "<b>"}})
    with pytest.raises(InputError, match=r"about\.scores\.semseg/miou: expected a finite number"):
        ctal.load(saved)
