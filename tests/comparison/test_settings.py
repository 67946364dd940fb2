import pytest

from ctal.comparison.settings import differing, import_classes
from ctal.errors import InputError


@pytest.mark.parametrize("path", ["no_such_module.Net", "Net", "ctal.no_such_module.Net"])
def test_a_missing_module(path):
    settings = {"model": {"network": {"class_path": path}}, "seed_everything": 0}
    with pytest.raises(InputError, match=f"class_path: '{path}' cannot be imported .*; run the"):
        import_classes(settings)


def test_classes_in_lists_are_imported():
    import_classes({"data": {"augmentation": [{"class_path": "json.decoder.JSONDecoder"}]}})
    with pytest.raises(InputError):
        import_classes({"data": {"augmentation": [{"class_path": "no_such_module.Flip"}]}})


def test_settings_that_differ_besides_the_network_and_the_machine():
    def row(name, **changes):
        data = {"train": {"class_path": "ctal.data.Rooms", "init_args": {"split": "train"}}}
        model = {"network": {"class_path": name}, "criteria": changes.get("criteria")}
        trainer = {"max_epochs": 1, "default_root_dir": name, "precision": "32-true"}
        data |= {"image_size": [32, 64], "num_workers": changes.pop("num_workers", 0)}
        data |= {"augmentation": changes.get("augmentation", [])}
        return {"seed_everything": 0, "data": data, "model": model, "trainer": trainer}

    flip = {"class_path": "torchvision.transforms.v2.RandomHorizontalFlip"}
    assert differing({"a": row("A"), "b": row("B", num_workers=2)}) == []
    rows = {"a": row("A"), "b": row("B"), "c": row("B", augmentation=[flip], criteria={})}
    assert differing(rows) == ["data.augmentation", "model.criteria"]
